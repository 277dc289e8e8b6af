"""Builds images with ImageFactory, as its API is meant to be used.

The request is a file of JSON, named by the first argument; the answer is written as JSON to the file that it names as result.
What ImageFactory logs goes to the standard error.
"""

import json
import logging
import os
import random
import signal
import sys
import traceback
import xml.dom.minidom

from imgfac.ApplicationConfiguration import ApplicationConfiguration
from imgfac.BaseImage import BaseImage
from imgfac.BuildDispatcher import BuildDispatcher
from imgfac.FactoryUtils import qemu_convert_cmd
from imgfac.PersistentImageManager import PersistentImageManager
from imgfac.PluginManager import PluginManager
from imgfac.ReservationManager import ReservationManager
from imgfac.TargetImage import TargetImage

builders = []
# While a builder begins, nobody can end its guest: a signal that comes then waits here.
begins = False
pending = None


class BuildFailed(Exception):
    """ImageFactory could not build an image: its status, and what it says about it."""

    def __init__(self, image):
        super().__init__(image.status)
        self.status = image.status
        self.error = str((image.status_detail or {}).get("error"))
        self.detail = str(image.status_detail)


def set_up(asked):
    """Configures ImageFactory, which reads no file in /etc/imagefactory then except its plugins."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.DEBUG, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    PluginManager(asked["config"]["plugins"]).load()
    ApplicationConfiguration(configuration=asked["config"])
    # Guests report to a port that ImageFactory counts up from one and the same number in each process.
    reservations = ReservationManager()
    span = reservations.MAX_PORT - reservations.MIN_PORT
    reservations._listen_port = reservations.MIN_PORT + asked["task"] % span
    random.seed()  # for MAC addresses that no other guest has
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def stop(number, _frame):
    """Ends the guests of a task that is cancelled, which run in a process of libvirt."""
    global pending
    if begins:
        pending = number
        return
    abort()
    os._exit(128 + number)


def abort():
    """Has the plugins end the guests that they started."""
    for builder in builders:
        if builder.os_plugin:
            try:
                builder.os_plugin.abort()
            except Exception:  # the others must end, too
                traceback.print_exc()


def begin(make):
    """Starts a builder, whose guest can be ended from then on."""
    global begins
    begins = True
    try:
        builder = make()
        builders.append(builder)
    finally:
        begins = False
        if pending is not None:
            stop(pending, None)
    return builder


def finished(builder, thread, image):
    """Waits for an image and returns it."""
    thread.join()
    # Builder.__init__ takes this signal.
    signal.signal(signal.SIGINT, stop)
    if image.status == "FAILED":
        abort()
        raise BuildFailed(image)
    return image


def build_base(base):
    """Builds the raw image."""
    builder = begin(
        lambda: BuildDispatcher().builder_for_base_image(base["template"], parameters=base["parameters"])
    )
    return finished(builder, builder.base_thread, builder.base_image)


def build_target(target, image_id, parameters):
    """Builds an image of another kind from one that there is."""
    builder = begin(
        lambda: BuildDispatcher().builder_for_target_image(
            target, image_id=image_id, template=None, parameters=parameters
        )
    )
    return finished(builder, builder.target_thread, builder.target_image)


def existing(data, template):
    """Returns a disk image that was built before, as ImageFactory knows images."""
    manager = PersistentImageManager.default_manager()
    image = BaseImage()
    manager.add_image(image)
    image.data = data
    with open(template, encoding="utf-8") as file:
        image.template = file.read()
    image.status = "COMPLETE"
    manager.save_image(image)
    return image


def domain(libvirt_xml, asked):
    """Returns a definition for libvirt with the name and the file of one image."""
    document = xml.dom.minidom.parseString(libvirt_xml)
    document.getElementsByTagName("name")[0].firstChild.nodeValue = asked["name"]
    for source in document.getElementsByTagName("source"):
        if source.hasAttribute("file"):
            source.setAttribute("file", asked["image"])
    driver = document.getElementsByTagName("driver")[0]
    driver.setAttribute("type", asked["format"])
    if asked["warning"] is not None:
        driver.setAttribute("type-warning", asked["warning"])
    return document.toprettyxml()


def rpms_of(icicle):
    """Returns the lines about rpms in the description that oz makes of an image."""
    document = xml.dom.minidom.parseString(icicle)
    return [extra.firstChild.nodeValue for extra in document.getElementsByTagName("extra") if extra.firstChild]


def build(asked):
    """Builds the image and all that is made of it."""
    base = build_base(asked["base"])
    images = {"raw": base.data}
    for target in asked["targets"]:
        image = base
        for step in target["steps"]:
            image = build_target(step["target"], image.identifier, step["parameters"])
        images[target["format"]] = image.data
    for one in asked["domains"]:
        with open(one["file"], "w", encoding="utf-8") as file:
            file.write(domain(base.parameters["libvirt_xml"], one))
    return {
        "images": images,
        "rpms": rpms_of(base.icicle) if asked["rpms"] else [],
        "qcow2": qemu_convert_cmd(base.data, asked["qcow2"], compress=True) if asked["qcow2"] else None,
    }


def indirect(asked):
    """Builds an image with the tools that another image has."""
    base, utility = (existing(**asked[kind]) for kind in ("base", "utility"))
    customizations = asked["customizations"]
    if customizations.strip() == "MOCK":
        # Koji's own way to try everything but the build.
        image = TargetImage()
        PersistentImageManager.default_manager().add_image(image)
        with open(image.data, "w", encoding="utf-8") as file:
            file.write("Mock build from task ID: %s" % asked["task"])
        return {"image": image.data}
    parameters = {
        "utility_image": str(utility.identifier),
        "utility_customizations": customizations,
        "results_location": asked["results"],
    }
    return {"image": build_target("indirection", base.identifier, parameters).data}


def main():
    """Runs the request that the first argument names."""
    with open(sys.argv[1], encoding="utf-8") as file:
        asked = json.load(file)
    try:
        set_up(asked)
        answer = {"build": build, "indirect": indirect}[asked["work"]](asked)
    except BuildFailed as failure:
        answer = {"failed": {"status": failure.status, "error": failure.error, "detail": failure.detail}}
    except Exception as error:
        traceback.print_exc()
        answer = {"broken": "%s: %s" % (type(error).__name__, error)}
    with open(asked["result"], "w", encoding="utf-8") as file:
        json.dump(answer, file)


main()
