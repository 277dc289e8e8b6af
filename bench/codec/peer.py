"""Koji's own codec on the documents it is given; one line of JSON each: loads and dumps per CPU second.

usage: peer.py SECONDS FILE...   (KOJI_PYTHON names the directory that holds the koji package)
Beside each FILE it leaves FILE.peer: what the peer's marshaller makes of the values it read.
"""
import importlib.util
import json
import os
import sys
import time
import xmlrpc.client


def codec():
    folder = os.environ.get("KOJI_PYTHON")
    if not folder:
        class Standard:
            @staticmethod
            def dumps(params, methodname=None, methodresponse=None):
                return xmlrpc.client.dumps(params, methodname, methodresponse, allow_none=True)
        return "python xmlrpc.client", Standard
    path = os.path.join(folder, "koji", "xmlrpcplus.py")
    spec = importlib.util.spec_from_file_location("xmlrpcplus", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return "koji xmlrpcplus", module


def read(body):
    parser, unmarshaller = xmlrpc.client.getparser(use_builtin_types=True)
    parser.feed(body)
    parser.close()
    return unmarshaller.close(), unmarshaller.getmethodname()


def rate(action, seconds):
    count, start = 0, time.process_time()
    while True:
        action()
        count += 1
        spent = time.process_time() - start
        if spent >= seconds:
            return count / spent


def main():
    name, module = codec()
    seconds = float(sys.argv[1])
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            body = file.read()
        params, method = read(body)
        result = {"peer": name, "file": path, "loads": rate(lambda: read(body), seconds)}
        kind = {"methodname": method} if method else {"methodresponse": True}
        try:
            with open(path + ".peer", "w", encoding="utf-8", newline="") as file:
                file.write(module.dumps(params, **kind))
            result["dumps"] = rate(lambda: module.dumps(params, **kind), seconds)
        except OverflowError:
            result["dumps"] = None
        print(json.dumps(result), flush=True)


main()
