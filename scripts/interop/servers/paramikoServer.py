"""A server with paramiko: commands by /bin/sh, and SFTP as paramiko's own demo serves it."""
import os
import socket
import subprocess
import sys
import threading

import paramiko
from paramiko import SFTP_OK, SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface

port, directory = int(sys.argv[1]), sys.argv[2]
home = os.path.join(directory, "home")
host_key = paramiko.Ed25519Key(filename=os.path.join(directory, "host_key"))
with open(os.path.join(directory, "authorized_keys")) as lines:
    allowed = {line.split()[1] for line in lines if line.strip()}


class Handle(SFTPHandle):
    def stat(self):
        try:
            return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)

    def chattr(self, attributes):
        try:
            SFTPServer.set_file_attr(self.filename, attributes)
            return SFTP_OK
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)


def attempt(operation):
    try:
        result = operation()
        return SFTP_OK if result is None else result
    except OSError as error:
        return SFTPServer.convert_errno(error.errno)


def listed(path, name):
    attributes = SFTPAttributes.from_stat(os.lstat(os.path.join(path, name)))
    attributes.filename = name
    return attributes


class Files(SFTPServerInterface):
    def canonicalize(self, path):
        return os.path.normpath(os.path.join(home, path))

    def _path(self, path):
        return os.path.join(home, path)

    def list_folder(self, path):
        path = self._path(path)
        return attempt(lambda: [listed(path, name) for name in os.listdir(path)])

    def stat(self, path):
        return attempt(lambda: SFTPAttributes.from_stat(os.stat(self._path(path))))

    def lstat(self, path):
        return attempt(lambda: SFTPAttributes.from_stat(os.lstat(self._path(path))))

    def open(self, path, flags, attributes):
        path = self._path(path)

        def opened():
            mode = getattr(attributes, "st_mode", None)
            descriptor = os.open(path, flags, 0o666 if mode is None else mode)
            if flags & os.O_WRONLY:
                kind = "ab" if flags & os.O_APPEND else "wb"
            elif flags & os.O_RDWR:
                kind = "a+b" if flags & os.O_APPEND else "r+b"
            else:
                kind = "rb"
            file = os.fdopen(descriptor, kind)
            handle = Handle(flags)
            handle.filename = path
            handle.readfile = file
            handle.writefile = file
            return handle

        return attempt(opened)

    def remove(self, path):
        return attempt(lambda: os.remove(self._path(path)))

    def rename(self, source, target):
        return attempt(lambda: os.rename(self._path(source), self._path(target)))

    def posix_rename(self, source, target):
        return attempt(lambda: os.replace(self._path(source), self._path(target)))

    def mkdir(self, path, attributes):
        return attempt(lambda: os.mkdir(self._path(path)))

    def rmdir(self, path):
        return attempt(lambda: os.rmdir(self._path(path)))

    def chattr(self, path, attributes):
        return attempt(lambda: SFTPServer.set_file_attr(self._path(path), attributes))

    def symlink(self, target, path):
        return attempt(lambda: os.symlink(target, self._path(path)))

    def readlink(self, path):
        return attempt(lambda: os.readlink(self._path(path)))


def pump(read, write, then):
    try:
        while True:
            data = read()
            if not data:
                break
            write(data)
    except (OSError, EOFError):
        pass
    finally:
        try:
            then()
        except (OSError, EOFError):
            pass


def run(channel, line):
    child = subprocess.Popen(
        ["/bin/sh", "-c", line],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=home,
        env={**os.environ, "HOME": home},
        start_new_session=True,
    )
    channel_write = channel.sendall
    pumps = [
        threading.Thread(target=pump, args=(lambda: child.stdout.read(32768), channel_write, lambda: None)),
        threading.Thread(target=pump, args=(lambda: child.stderr.read(32768), channel.sendall_stderr, lambda: None)),
    ]

    def feed(data):
        view = memoryview(data)
        while len(view) > 0:
            view = view[child.stdin.write(view):]

    threading.Thread(target=pump, args=(lambda: channel.recv(32768), feed, child.stdin.close), daemon=True).start()
    for thread in pumps:
        thread.daemon = True
        thread.start()
    for thread in pumps:
        thread.join()
    code = child.wait()
    try:
        channel.send_exit_status(code if code >= 0 else 128 - code)
        channel.shutdown_write()
        channel.close()
    except (OSError, EOFError):
        pass


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key.get_base64() in allowed else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, line):
        threading.Thread(target=run, args=(channel, os.fsdecode(line)), daemon=True).start()
        return True


def serve(connection):
    transport = paramiko.Transport(connection)
    transport.add_server_key(host_key)
    transport.set_subsystem_handler("sftp", SFTPServer, Files)
    try:
        transport.start_server(server=Server())
    except (paramiko.SSHException, EOFError, OSError):
        pass


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(100)
print("listening", file=sys.stderr, flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
