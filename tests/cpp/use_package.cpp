// use_package TYPE PATH KEY FILE ROUNDS: what an application does with a package, ROUNDS times each.
// Prints one line for each of the things below: its name and its median in nanoseconds.
#include <KPackage/Package>
#include <KPackage/PackageLoader>
#include <KPluginMetaData>

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QStringList>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

static volatile qsizetype sink = 0;

// The median of what `work` says that it took.
static void measure(const char *name, int rounds, const std::function<qint64()> &work)
{
    std::vector<qint64> taken;
    for (int round = 0; round < rounds; ++round) {
        taken.push_back(work());
    }
    std::sort(taken.begin(), taken.end());
    std::printf("%s %lld\n", name, static_cast<long long>(taken[taken.size() / 2]));
}

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.size() != 6) {
        std::fprintf(stderr, "usage: use_package TYPE PATH KEY FILE ROUNDS\n");
        return 2;
    }
    const QString type = arguments.at(1);
    const QString path = arguments.at(2);
    const QByteArray key = arguments.at(3).toUtf8();
    const QString file = arguments.at(4);
    const int rounds = arguments.at(5).toInt();
    auto *loader = KPackage::PackageLoader::self();
    const auto fresh = [&] {
        KPackage::Package package = loader->loadPackage(type);
        package.setPath(path);
        return package;
    };
    if (!fresh().isValid() || fresh().filePath(key, file).isEmpty()) {
        std::fprintf(stderr, "no valid package, or no such file in it\n");
        return 1;
    }
    QElapsedTimer timer;
    measure("load", rounds, [&] {
        timer.start();
        const KPackage::Package package = fresh();
        sink = sink + package.isValid();
        return timer.nsecsElapsed();
    });
    measure("file-cold", rounds, [&] {
        const KPackage::Package package = fresh();
        timer.start();
        sink = sink + package.filePath(key, file).size();
        return timer.nsecsElapsed();
    });
    const KPackage::Package warm = fresh();
    measure("file-warm", rounds, [&] {
        constexpr int times = 1000;
        timer.start();
        for (int time = 0; time < times; ++time) {
            sink = sink + warm.filePath(key, file).size();
        }
        return timer.nsecsElapsed() / times;
    });
    measure("metadata", rounds, [&] {
        timer.start();
        const KPackage::Package package = fresh();
        sink = sink + package.metadata().name().size();
        return timer.nsecsElapsed();
    });
    measure("hash", rounds, [&] {
        const KPackage::Package package = fresh();
        timer.start();
        sink = sink + package.cryptographicHash(QCryptographicHash::Sha1).size();
        return timer.nsecsElapsed();
    });
    return 0;
}
