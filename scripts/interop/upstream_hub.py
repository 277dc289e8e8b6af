"""Serves a Koji source tree's own hub at /kojihub, and its files at /kojifiles, for scripts/interop.mjs.

The hub is Koji's WSGI application; only the HTTP server around it stands in for Apache.
"""
import argparse
import http.server
import io
import os
import socketserver
import ssl
import sys
import threading
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
        environ['REQUEST_SCHEME'] = self.server.scheme
        certificate = self.connection.getpeercert() if self.server.scheme == 'https' else None
        if certificate:
            names = [part for parts in certificate['subject'] for part in parts]
            common = dict(names)['commonName']
            # As mod_ssl says it.
            environ.update({'SSL_CLIENT_VERIFY': 'SUCCESS', 'SSL_CLIENT_S_DN': 'CN=' + common,
                            'SSL_CLIENT_I_DN': 'CN=ca', 'SSL_CLIENT_S_DN_CN': common})
        return environ

    def log_message(self, format, *args):
        pass


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64
    scheme = 'http'
    tls = None

    def get_request(self):
        connection, address = super().get_request()
        if self.tls is None:
            return connection, address
        # The handshake is made by the thread that reads.
        wrapped = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--source', required=True, help="Koji's source tree")
    parser.add_argument('--config', required=True, help='hub.conf')
    parser.add_argument('--topdir', required=True, help='KojiDir')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--tls-port', type=int, help='also answer here by TLS, with client certificates')
    parser.add_argument('--tls-folder', help='ca.crt and server.pem')
    options = parser.parse_args()
    sys.path.insert(0, os.path.abspath(options.source))
    from kojihub.kojixmlrpc import application
    Handler.topdir = options.topdir
    settings = {'koji.hub.ConfigFile': options.config, 'koji.hub.ConfigDir': '/nonexistent'}

    def listen(port):
        server = Server(('127.0.0.1', port), Handler)
        server.settings = settings
        server.set_app(application)
        return server

    if options.tls_port:
        server = listen(options.tls_port)
        server.scheme = 'https'
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(os.path.join(options.tls_folder, 'server.pem'))
        server.tls.load_verify_locations(os.path.join(options.tls_folder, 'ca.crt'))
        server.tls.verify_mode = ssl.CERT_OPTIONAL
        threading.Thread(target=server.serve_forever, daemon=True).start()
    listen(options.port).serve_forever()


if __name__ == '__main__':
    main()
