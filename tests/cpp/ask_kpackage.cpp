// ask_kpackage: reads cases, one line of JSON each, and answers each of their steps with a line of
// JSON: what the real KPackage says. It ends where KPackage crashes, so that the number of answers
// tells which step it was.
//
// A case is {"structures": {TYPE: SPEC}, "steps": [[WORD, ARGUMENT...]]}. A structure is registered
// under its type; it has `default_root`, `prefixes`, `external`, `default_mime_types`, `definitions`
// ({kind, key, path, name, required, mime_types}, in order), and `mainscript_metadata_key`, the
// metadata's value of which is one more path of the key `mainscript`. A step names its package by a
// variable. An answer is an array of one.
#include <KAboutData>
#include <KPackage/Package>
#include <KPackage/PackageLoader>
#include <KPackage/PackageStructure>
#include <KPluginMetaData>

#include <QCoreApplication>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMap>
#include <QUrl>

#include <algorithm>
#include <cstdio>
#include <functional>

using KPackage::Package;
using KPackage::PackageLoader;
using KPackage::PackageStructure;

static QStringList texts(const QJsonValue &value)
{
    return value.toVariant().toStringList();
}

static QJsonArray array(QList<QByteArray> keys)
{
    std::sort(keys.begin(), keys.end());
    QJsonArray array;
    for (const QByteArray &key : keys) {
        array.append(QString::fromUtf8(key));
    }
    return array;
}

class MadeStructure : public PackageStructure
{
    Q_OBJECT
public:
    explicit MadeStructure(const QJsonObject &spec)
        : m_spec(spec)
    {
    }

    void initPackage(Package *package) override
    {
        if (m_spec.contains("default_root")) {
            package->setDefaultPackageRoot(m_spec["default_root"].toString());
        }
        if (m_spec.contains("prefixes")) {
            package->setContentsPrefixPaths(texts(m_spec["prefixes"]));
        }
        if (m_spec.contains("default_mime_types")) {
            package->setDefaultMimeTypes(texts(m_spec["default_mime_types"]));
        }
        package->setAllowExternalPaths(m_spec["external"].toBool());
        const QJsonArray definitions = m_spec["definitions"].toArray();
        for (const QJsonValue &definition : definitions) {
            const QByteArray key = definition["key"].toString().toUtf8();
            const QString path = definition["path"].toString();
            const QString name = definition["name"].toString();
            if (definition["kind"] == QLatin1String("directory")) {
                package->addDirectoryDefinition(key, path, name);
            } else {
                package->addFileDefinition(key, path, name);
            }
            if (definition["required"].toBool()) {
                package->setRequired(key, true);
            }
            if (definition["mime_types"].isArray()) {
                package->setMimeTypes(key, texts(definition["mime_types"]));
            }
        }
    }

    void pathChanged(Package *package) override
    {
        const QString key = m_spec["mainscript_metadata_key"].toString();
        const QString path = key.isEmpty() ? QString() : package->metadata().value(key);
        if (!path.isEmpty()) {
            package->addFileDefinition("mainscript", path, QString());
        }
    }

private:
    const QJsonObject m_spec;
};

static QJsonArray people(const QList<KAboutPerson> &people)
{
    QJsonArray array;
    for (const KAboutPerson &person : people) {
        array.append(QJsonObject{{"name", person.name()}, {"email", person.emailAddress()}});
    }
    return array;
}

static QJsonObject metadata(const KPluginMetaData &metadata)
{
    if (!metadata.isValid()) {
        return {{"valid", false}};
    }
    return {
        {"valid", true},
        {"id", metadata.pluginId()},
        {"name", metadata.name()},
        {"description", metadata.description()},
        {"version", metadata.version()},
        {"authors", people(metadata.authors())},
        {"translators", people(metadata.translators())},
        {"other_contributors", people(metadata.otherContributors())},
        {"category", metadata.category()},
        {"copyright", metadata.copyrightText()},
        {"license", metadata.license()},
        {"website", metadata.website()},
        {"bug_report_url", metadata.bugReportUrl()},
        {"icon", metadata.iconName()},
        {"enabled_by_default", metadata.isEnabledByDefault()},
        {"is_hidden", metadata.isHidden()},
        {"initial_preference", metadata.initialPreference()},
        {"form_factors", QJsonArray::fromStringList(metadata.formFactors())},
        {"mime_types", QJsonArray::fromStringList(metadata.mimeTypes())},
        {"service_types", QJsonArray::fromStringList(metadata.serviceTypes())},
        {"kpackage_structure", metadata.value(QStringLiteral("KPackageStructure"))},
        {"file_name", metadata.fileName()},
        {"metadata_file", metadata.metaDataFileName()},
    };
}

static QCryptographicHash::Algorithm algorithm(const QString &name)
{
    if (name == QLatin1String("md5")) {
        return QCryptographicHash::Md5;
    }
    return name == QLatin1String("sha1") ? QCryptographicHash::Sha1 : QCryptographicHash::Sha256;
}

static QJsonObject listed(const QString &type, const QString &root)
{
    QJsonObject files;
    const auto packages = PackageLoader::self()->listPackages(type, root);
    for (const KPluginMetaData &package : packages) {
        files[package.pluginId()] = package.metaDataFileName();
    }
    return files;
}

class Case
{
public:
    explicit Case(const QJsonObject &structures)
    {
        for (auto it = structures.begin(); it != structures.end(); ++it) {
            PackageLoader::self()->addKnownPackageStructure(it.key(), new MadeStructure(it->toObject()));
        }
    }

    QJsonValue answer(const QJsonArray &step)
    {
        const QString word = step[0].toString();
        const QString first = step[1].toString();
        const QString second = step[2].toString();
        const QString third = step[3].toString();
        const QByteArray key = second.toUtf8();
        if (word == QLatin1String("list")) {
            return listed(first, second);
        }
        if (word == QLatin1String("load")) {
            m_packages[first] = PackageLoader::self()->loadPackage(second, third);
            return m_packages[first].hasValidStructure();
        }
        if (word == QLatin1String("copy")) {
            m_packages[first] = m_packages[second];
            return QJsonValue();
        }
        Package &package = m_packages[first];
        const std::initializer_list<std::pair<const char *, std::function<QJsonValue()>>> answers{
            {"path", [&] { return package.path(); }},
            {"set_path",
             [&] {
                 package.setPath(second);
                 return package.path();
             }},
            {"is_valid", [&] { return package.isValid(); }},
            {"file_path", [&] { return package.filePath(key, third); }},
            {"file_url", [&] { return package.fileUrl(key, third).toString(QUrl::FullyEncoded); }},
            {"entry_list", [&] { return QJsonArray::fromStringList(package.entryList(key)); }},
            {"hash", [&] { return QString::fromLatin1(package.cryptographicHash(algorithm(second))); }},
            {"metadata", [&] { return metadata(package.metadata()); }},
            {"raw_metadata", [&] { return package.metadata().rawData(); }},
            {"metadata_value", [&] { return package.metadata().value(second); }},
            {"metadata_list",
             [&] { return QJsonArray::fromStringList(package.metadata().value(second, QStringList())); }},
            {"keys",
             [&] {
                 return QJsonObject{
                     {"directories", array(package.directories())},
                     {"files", array(package.files())},
                     {"required_directories", array(package.requiredDirectories())},
                     {"required_files", array(package.requiredFiles())},
                 };
             }},
            {"definition",
             [&] {
                 return QJsonObject{
                     {"name", package.name(key)},
                     {"required", package.isRequired(key)},
                     {"mime_types", QJsonArray::fromStringList(package.mimeTypes(key))},
                 };
             }},
            {"prefixes", [&] { return QJsonArray::fromStringList(package.contentsPrefixPaths()); }},
            {"default_root", [&] { return package.defaultPackageRoot(); }},
            {"external", [&] { return package.allowExternalPaths(); }},
            {"fallback_path", [&] { return package.fallbackPackage().path(); }},
        };
        for (const auto &[name, answer] : answers) {
            if (word == QLatin1String(name)) {
                return answer();
            }
        }
        change(package, word, step);
        return QJsonValue();
    }

private:
    void change(Package &package, const QString &word, const QJsonArray &step)
    {
        const QString second = step[2].toString();
        const QByteArray key = second.toUtf8();
        const std::initializer_list<std::pair<const char *, std::function<void()>>> changes{
            {"set_fallback", [&] { package.setFallbackPackage(m_packages[second]); }},
            {"set_prefixes", [&] { package.setContentsPrefixPaths(texts(step[2])); }},
            {"set_default_root", [&] { package.setDefaultPackageRoot(second); }},
            {"set_external", [&] { package.setAllowExternalPaths(step[2].toBool()); }},
            {"set_default_mime_types", [&] { package.setDefaultMimeTypes(texts(step[2])); }},
            {"add_directory", [&] { package.addDirectoryDefinition(key, step[3].toString(), step[4].toString()); }},
            {"add_file", [&] { package.addFileDefinition(key, step[3].toString(), step[4].toString()); }},
            {"remove_definition", [&] { package.removeDefinition(key); }},
            {"set_required", [&] { package.setRequired(key, step[3].toBool()); }},
            {"set_mime_types", [&] { package.setMimeTypes(key, texts(step[3])); }},
        };
        for (const auto &[name, change] : changes) {
            if (word == QLatin1String(name)) {
                return change();
            }
        }
        qFatal("no step is called %s", qPrintable(word));
    }

    QMap<QString, Package> m_packages;
};

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QFile input;
    if (app.arguments().size() != 1 || !input.open(stdin, QIODevice::ReadOnly)) {
        std::fprintf(stderr, "usage: ask_kpackage < CASES\n");
        return 2;
    }
    for (QByteArray line = input.readLine(); !line.isEmpty(); line = input.readLine()) {
        const QJsonObject object = QJsonDocument::fromJson(line).object();
        Case asked(object["structures"].toObject());
        const QJsonArray steps = object["steps"].toArray();
        for (const QJsonValue &step : steps) {
            const QJsonArray answer{asked.answer(step.toArray())};
            std::puts(QJsonDocument(answer).toJson(QJsonDocument::Compact).constData());
            std::fflush(stdout);
        }
    }
    return 0;
}

#include "ask_kpackage.moc"
