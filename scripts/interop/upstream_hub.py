"""Serves a Koji source tree's own hub at /kojihub, and its files at /kojifiles, for scripts/interop.mjs.

The hub is Koji's WSGI application; only the HTTP server around it stands in for Apache.
"""
import argparse
import http.server
import io
import os
import socketserver
import sys
import wsgiref.simple_server


class Body(io.RawIOBase):
    """A request's body, which ends where its length says so."""

    def __init__(self, stream, length):
        self.stream = stream
        self.left = length

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self.stream.read1(min(len(buffer), self.left)) if self.left else b''
        self.left -= len(data)
        buffer[:len(data)] = data
        return len(data)


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    """Koji's hub below /kojihub, plain files below /kojifiles."""

    topdir = None

    def do_files(self):
        path = self.path[len('/kojifiles'):] or '/'

        class Files(http.server.SimpleHTTPRequestHandler):
            def __init__(inner):
                inner.directory = self.topdir
                inner.path = path
                for name in ('request', 'client_address', 'server', 'rfile', 'wfile', 'headers', 'command',
                             'requestline', 'request_version', 'close_connection'):
                    setattr(inner, name, getattr(self, name))

        files = Files()
        (files.do_HEAD if self.command == 'HEAD' else files.do_GET)()

    def handle(self):
        self.raw_requestline = self.rfile.readline(65537)
        if not self.parse_request():
            return
        if self.path.startswith('/kojifiles'):
            self.do_files()
            return
        body = io.BufferedReader(Body(self.rfile, int(self.headers.get('Content-Length') or 0)))
        server = wsgiref.simple_server.ServerHandler(
            body, self.wfile, self.get_stderr(), self.get_environ(), multithread=True)
        server.request_handler = self
        server.run(self.server.get_app())

    def get_environ(self):
        environ = super().get_environ()
        environ.update(self.server.settings)
        # Koji names its address by this when it makes URLs.
        environ['REQUEST_SCHEME'] = 'http'
        return environ

    def log_message(self, format, *args):
        pass


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--source', required=True, help="Koji's source tree")
    parser.add_argument('--config', required=True, help='hub.conf')
    parser.add_argument('--topdir', required=True, help='KojiDir')
    parser.add_argument('--port', type=int, required=True)
    options = parser.parse_args()
    sys.path.insert(0, os.path.abspath(options.source))
    from kojihub.kojixmlrpc import application
    Handler.topdir = options.topdir
    server = Server(('127.0.0.1', options.port), Handler)
    server.settings = {'koji.hub.ConfigFile': options.config, 'koji.hub.ConfigDir': '/nonexistent'}
    server.set_app(application)
    server.serve_forever()


if __name__ == '__main__':
    main()
