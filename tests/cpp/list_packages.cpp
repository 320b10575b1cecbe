// list_packages TYPE ROOT COUNT: lists the COUNT packages of TYPE below ROOT and prints on a line each
// how many nanoseconds that took and by how many bytes the process has grown. Once, since KPackage
// remembers a listing for as long as a process like this lives.
#include <KPackage/PackageLoader>
#include <KPluginMetaData>

#include <QCoreApplication>
#include <QElapsedTimer>

#include <cstdio>
#include <unistd.h>

static long long residentBytes()
{
    long long size = 0;
    long long resident = 0;
    if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%lld %lld", &size, &resident) != 2) {
            resident = 0;
        }
        std::fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.size() != 4) {
        std::fprintf(stderr, "usage: list_packages TYPE ROOT COUNT\n");
        return 2;
    }
    auto *loader = KPackage::PackageLoader::self();
    const long long before = residentBytes();
    QElapsedTimer timer;
    timer.start();
    const QList<KPluginMetaData> packages = loader->listPackages(arguments.at(1), arguments.at(2));
    const qint64 elapsed = timer.nsecsElapsed();
    const long long grown = residentBytes() - before;
    const int count = arguments.at(3).toInt();
    if (packages.size() != count) {
        std::fprintf(stderr, "found %d packages, expected %d\n", int(packages.size()), count);
        return 1;
    }
    std::printf("%lld\n%lld\n", static_cast<long long>(elapsed), grown);
    return 0;
}
