// The smallest plugin that is of use: one class, and metadata. Its id is its file's name.
#include <KPluginFactory>

class Small : public QObject
{
    Q_OBJECT

public:
    explicit Small(QObject *parent = nullptr, const QVariantList & = {})
        : QObject(parent)
    {
    }
};

K_PLUGIN_CLASS_WITH_JSON(Small, "small.json")

#include "small.moc"
