// A package structure that says the same as example-plugins/mystructure.
#include <KPackage/Package>
#include <KPackage/PackageStructure>

class Wanted : public KPackage::PackageStructure
{
    Q_OBJECT

public:
    explicit Wanted(QObject *parent = nullptr, const QVariantList &args = {})
        : KPackage::PackageStructure(parent, args)
    {
    }

    void initPackage(KPackage::Package *package) override
    {
        package->setDefaultPackageRoot(QStringLiteral("myapp/packages/"));
        package->addDirectoryDefinition("images", QStringLiteral("images"), QStringLiteral("Images"));
        package->addDirectoryDefinition("code", QStringLiteral("code"), QStringLiteral("Javascript files"));
        package->addFileDefinition("mainscript", QStringLiteral("scripts/main.js"), QStringLiteral("Main Script File"));
        package->setRequired("mainscript", true);
    }
};

K_EXPORT_KPACKAGE_PACKAGE_WITH_JSON(Wanted, "wanted.json")

#include "wanted.moc"
