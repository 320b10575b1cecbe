// find_plugins FOLDER ROUNDS COUNT: finds the COUNT plugins in FOLDER, ROUNDS times, and prints how
// many nanoseconds each round took, one a line.
#include <KPluginMetaData>

#include <QCoreApplication>
#include <QElapsedTimer>

#include <cstdio>

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.size() != 4) {
        std::fprintf(stderr, "usage: find_plugins FOLDER ROUNDS COUNT\n");
        return 2;
    }
    const QString folder = arguments.at(1);
    const int rounds = arguments.at(2).toInt();
    const int count = arguments.at(3).toInt();
    for (int round = 0; round < rounds; ++round) {
        QElapsedTimer timer;
        timer.start();
        const auto found = KPluginMetaData::findPlugins(folder);
        const qint64 elapsed = timer.nsecsElapsed();
        if (found.size() != count) {
            std::fprintf(stderr, "found %d plugins, expected %d\n", int(found.size()), count);
            return 1;
        }
        std::printf("%lld\n", static_cast<long long>(elapsed));
    }
    return 0;
}
