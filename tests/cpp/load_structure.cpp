// load_structure TYPE: loads the package structure TYPE, which is looked for along QT_PLUGIN_PATH,
// and prints how many nanoseconds that took.
#include <KPackage/PackageLoader>
#include <KPackage/PackageStructure>

#include <QCoreApplication>
#include <QElapsedTimer>

#include <cstdio>

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.size() != 2) {
        std::fprintf(stderr, "usage: load_structure TYPE\n");
        return 2;
    }
    const QString type = arguments.at(1);
    auto *loader = KPackage::PackageLoader::self();
    QElapsedTimer timer;
    timer.start();
    const auto *structure = loader->loadPackageStructure(type);
    const qint64 elapsed = timer.nsecsElapsed();
    if (!structure) {
        std::fprintf(stderr, "there is no structure for that type\n");
        return 1;
    }
    std::printf("%lld\n", static_cast<long long>(elapsed));
    return 0;
}
