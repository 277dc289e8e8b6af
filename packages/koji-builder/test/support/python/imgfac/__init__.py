"""A stand-in for ImageFactory, as far as kojid uses it: images are texts of JSON that tell how they were asked for.

A line `echo rpm NAME,VERSION,…` of the kickstart file is an rpm of the image, `echo fail ARCH TEXT` makes the installation fail,
and one that says `echo wait` lasts ten minutes.
"""

import json
import os
import re
import sys
import threading
import time
import types
import uuid

settings = {}
images = {}


class Image:
    """What base and target images have in common."""

    def __init__(self):
        self.identifier = str(uuid.uuid4())
        self.data = self.template = self.icicle = None
        self.parameters = {}
        self.status = "NEW"
        self.status_detail = {"activity": "nothing", "error": None}


class BaseImage(Image):
    """A raw image."""


class TargetImage(Image):
    """An image of another kind."""


class Manager:
    """Keeps images in a folder."""

    @staticmethod
    def default_manager():
        """Returns the one."""
        return Manager()

    def add_image(self, image):
        """Gives an image its file."""
        folder = settings["image_manager_args"]["storage_path"]
        os.makedirs(folder, exist_ok=True)
        image.data = os.path.join(folder, image.identifier + ".body")
        self.save_image(image)

    def save_image(self, image):
        """Notes an image."""
        images[image.identifier] = image


class Plugins:
    """The plugins that there are."""

    def __init__(self, folder):
        self.folder = folder

    def load(self):
        """Reads their names."""
        os.listdir(self.folder)


class Configuration:
    """The configuration of all."""

    def __init__(self, configuration=None):
        settings.update(configuration or {})


class Reservations:
    """The port of the next guest."""

    MIN_PORT = 1025
    MAX_PORT = 65535
    _listen_port = None
    _one = None

    def __new__(cls):
        cls._one = cls._one or super().__new__(cls)
        return cls._one


class Plugin:
    """What installs systems."""

    def abort(self):
        """Ends the guest."""
        with open(os.path.join(settings["tmpdir"] + "-aborted"), "w", encoding="utf-8"):
            pass


class Builder:
    """One image in the making."""

    os_plugin = base_image = target_image = base_thread = target_thread = None

    def install(self, template, parameters):
        """Makes a raw image."""
        image = self.base_image
        script = parameters["install_script"]
        if "echo wait" in script:
            print("waiting", flush=True)
            time.sleep(600)
        failure = re.search(r"^echo fail (\S+) (.*)$", script, re.MULTILINE)
        if failure and "<arch>%s<" % failure[1] in template:
            os.makedirs(settings["oz_screenshot_dir"])
            with open(os.path.join(settings["oz_screenshot_dir"], "guest.png"), "wb") as file:
                file.write(b"PNG")
            image.status_detail = {"activity": "installing", "error": failure[2]}
            image.status = "FAILED"
            return
        name = re.search("<name>(.*?)</name>", template)[1]
        rpms = re.findall(r"^echo rpm (.*)$", script, re.MULTILINE)
        image.icicle = "<icicle>%s</icicle>" % "".join("<extra>%s</extra>" % rpm for rpm in rpms)
        image.parameters = {
            **parameters,
            "libvirt_xml": "<domain><name>factory-build</name><devices><disk><driver name='qemu' type='raw'/>"
            "<source file='/elsewhere.dsk'/></disk></devices></domain>",
        }
        self.write(image, {"image": name, "port": Reservations()._listen_port, "timeout": settings["timeout"]})

    def convert(self, target, base, parameters):
        """Makes an image of another kind."""
        image = self.target_image
        if target == "indirection":
            with open(images[parameters["utility_image"]].data, encoding="utf-8") as file:
                parameters = {**parameters, "utility_image": file.read()}
            if parameters["utility_customizations"] == "fail\n":
                image.status_detail = {"activity": "working", "error": "no such tool"}
                image.status = "FAILED"
                return
        with open(base.data, encoding="utf-8") as file:
            self.write(image, {"target": target, "parameters": parameters, "of": json.loads(file.read())})

    def write(self, image, content):
        """Writes an image, which is complete then."""
        with open(image.data, "w", encoding="utf-8") as file:
            json.dump(content, file)
            # One that has no table of partitions is still an image.
            file.write(" " * (1 << 20))
        image.status = "COMPLETE"


class Dispatcher:
    """Starts builders."""

    def builder_for_base_image(self, template, parameters=None):
        """Starts a raw image."""
        builder = Builder()
        builder.os_plugin = Plugin()
        builder.base_image = BaseImage()
        Manager().add_image(builder.base_image)
        builder.base_thread = threading.Thread(target=builder.install, args=(template, parameters))
        builder.base_thread.start()
        if "echo wait" in parameters["install_script"]:
            # The guest runs before anybody knows of the builder.
            time.sleep(0.5)
        return builder

    def builder_for_target_image(self, target, image_id=None, template=None, parameters=None):
        """Starts an image of another kind."""
        builder = Builder()
        builder.target_image = TargetImage()
        Manager().add_image(builder.target_image)
        args = (target, images[image_id], parameters)
        builder.target_thread = threading.Thread(target=builder.convert, args=args)
        builder.target_thread.start()
        return builder


def qemu_convert_cmd(source, target, compress=False):
    """Returns a command that makes an image of the format qcow2."""
    return ["qemu-img", "convert", "-O", "qcow2", *(["-c"] if compress else []), source, target]


for module, names in {
    "ApplicationConfiguration": {"ApplicationConfiguration": Configuration},
    "BaseImage": {"BaseImage": BaseImage},
    "BuildDispatcher": {"BuildDispatcher": Dispatcher},
    "FactoryUtils": {"qemu_convert_cmd": qemu_convert_cmd},
    "PersistentImageManager": {"PersistentImageManager": Manager},
    "PluginManager": {"PluginManager": Plugins},
    "ReservationManager": {"ReservationManager": Reservations},
    "TargetImage": {"TargetImage": TargetImage},
}.items():
    made = types.ModuleType("imgfac." + module)
    vars(made).update(names)
    sys.modules[made.__name__] = made
