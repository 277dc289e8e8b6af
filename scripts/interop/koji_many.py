"""Runs Koji's own command many times in one process, for scripts/interop/adopt.mjs: loading it takes longer than most of its work.

Reads a JSON list of lists of arguments from standard input. Prints a JSON list of what each printed, with its exit status.
"""
import collections
import json
import os
import sys
import tempfile

cli, common = sys.argv[1], sys.argv[2:]
sys.path.insert(0, os.path.dirname(os.path.abspath(cli)))
import koji  # noqa: E402
import koji.plugin  # noqa: E402,F401
import koji_cli.commands  # noqa: E402,F401
import koji_cli.lib  # noqa: E402,F401

with open(cli) as source:
    code = compile(source.read(), cli, 'exec')


def start(arguments):
    out = tempfile.TemporaryFile('w+')
    child = os.fork()
    if child:
        return child, out
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    sys.argv = [cli] + common + arguments
    status = 0
    try:
        exec(code, {'__name__': '__main__', '__file__': cli})
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code)
    except BaseException as error:
        print('%s: %s' % (type(error).__name__, error))
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def said(child, out):
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with out:
        out.seek(0)
        return '%sexit %s' % (out.read(), status)


running, printed = collections.deque(), []
for arguments in json.load(sys.stdin):
    if len(running) == 4:
        printed.append(said(*running.popleft()))
    running.append(start(arguments))
print(json.dumps(printed + [said(*one) for one in running]))
