// show_packages: reads lines `TYPE` or `TYPE<tab>PATH` and answers each with a line of JSON: all that
// KPackage says about that package. It ends where KPackage crashes, so the last answer tells where.
#include <KPackage/Package>
#include <KPackage/PackageLoader>
#include <KPluginMetaData>

#include <QCoreApplication>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QUrl>

#include <cstdio>

static QJsonObject definition(const KPackage::Package &package, const QByteArray &key, const char *kind)
{
    return {
        {"kind", kind},
        {"name", package.name(key)},
        {"required", package.isRequired(key)},
        {"mime_types", QJsonArray::fromStringList(package.mimeTypes(key))},
        {"file_path", package.filePath(key)},
        {"entry_list", QJsonArray::fromStringList(package.entryList(key))},
    };
}

static QJsonObject answer(const QString &type, const QString &path)
{
    QJsonObject answer{{"type", type}, {"asked", path}};
    const auto package = KPackage::PackageLoader::self()->loadPackage(type, path);
    answer["known"] = package.hasValidStructure();
    if (!package.hasValidStructure()) {
        return answer;
    }
    answer["valid"] = package.isValid();
    answer["path"] = package.path();
    answer["metadata"] = package.metadata().rawData();
    answer["metadata_valid"] = package.metadata().isValid();
    answer["id"] = package.metadata().pluginId();
    answer["prefixes"] = QJsonArray::fromStringList(package.contentsPrefixPaths());
    answer["default_root"] = package.defaultPackageRoot();
    answer["external"] = package.allowExternalPaths();
    answer["fallback"] = package.fallbackPackage().path();
    QJsonObject definitions;
    for (const QByteArray &key : package.directories()) {
        definitions[QString::fromUtf8(key)] = definition(package, key, "directory");
    }
    for (const QByteArray &key : package.files()) {
        definitions[QString::fromUtf8(key)] = definition(package, key, "file");
    }
    answer["definitions"] = definitions;
    const QByteArray hash = package.isValid() ? package.cryptographicHash(QCryptographicHash::Sha1) : QByteArray();
    answer["sha1"] = QString::fromLatin1(hash);
    return answer;
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QFile input;
    if (app.arguments().size() != 1 || !input.open(stdin, QIODevice::ReadOnly)) {
        std::fprintf(stderr, "usage: show_packages < LINES\n");
        return 2;
    }
    for (QByteArray bytes = input.readLine(); !bytes.isEmpty(); bytes = input.readLine()) {
        const QString line = QString::fromUtf8(bytes).chopped(1);
        const int tab = line.indexOf(QLatin1Char('\t'));
        const QJsonObject object = answer(line.left(tab), tab < 0 ? QString() : line.mid(tab + 1));
        std::puts(QJsonDocument(object).toJson(QJsonDocument::Compact).constData());
        std::fflush(stdout);
    }
    return 0;
}
