"""A plugin of ImageFactory that installs nothing: its mock plugin, with what kojid takes of an image besides the disk.

`npm run interop -- images` uses it where the plugin TinMan would start a virtual machine.
"""

import re

import oz.TDL

from imagefactory_plugins.MockOS.MockOS import MockOS

DOMAIN = """<domain type="kvm"><name>%s</name><devices><disk device="disk" type="file">
<driver name="qemu" type="raw"/><source file="%s"/></disk></devices></domain>"""


class delegate_class(MockOS):
    """The plugin."""

    def create_base_image(self, builder, template, parameters):
        """Makes a disk of the size that the template wants, and describes it as oz does."""
        tdl = oz.TDL.TDL(xmlstring=template.xml, rootpw_required=False)
        super().create_base_image(builder, template, parameters)
        image = builder.base_image
        if tdl.distro != "Fedora" or not tdl.icicle_extra_cmd.startswith("rpm -qa"):
            raise RuntimeError("another template than the one that was sent: %s" % template.xml)
        if "echo fail" in parameters["install_script"]:
            raise RuntimeError("No disk activity in 300 seconds, failing")
        with open(image.data, "r+b") as disk:
            # One MiB stands for 256.
            disk.truncate(int(tdl.disksize) >> 8)
        rpms = re.findall("^echo rpm (.*)$", parameters["install_script"], re.MULTILINE)
        image.icicle = "<icicle>%s</icicle>" % "".join("<extra>%s</extra>" % rpm for rpm in rpms)
        image.parameters["libvirt_xml"] = DOMAIN % (tdl.name, image.data)

    def abort(self):
        """Ends nothing: no machine was started."""
