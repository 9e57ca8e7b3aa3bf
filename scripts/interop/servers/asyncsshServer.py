"""A server with asyncssh: commands by /bin/sh, SFTP, and every kind of forwarding that asyncssh has."""
import asyncio
import os
import signal
import sys

import asyncssh

port, directory = int(sys.argv[1]), sys.argv[2]
names = {number: name[3:] for name, number in signal.__dict__.items() if name.startswith("SIG") and name[3] != "_"}


class Server(asyncssh.SSHServer):
    def connection_requested(self, *_):
        return True

    def server_requested(self, *_):
        return True

    def unix_connection_requested(self, *_):
        return True

    def unix_server_requested(self, *_):
        return True


async def run(process):
    # An exception in this function would end the whole connection.
    try:
        await serve(process)
    except (asyncssh.Error, OSError) as error:
        print("a session ended early:", error, file=sys.stderr, flush=True)


# A pipe for the input would lose its end, because Python closes a pipe that is filled again while it is being closed
# (`_UnixWritePipeTransport._write_ready`). Streams for the output would be read on after the client has closed the channel,
# and asyncssh 2.10 then ends the whole connection.
async def serve(process):
    line = process.command
    outputs = [os.pipe(), os.pipe()]
    child = await asyncio.create_subprocess_exec(
        *(["/bin/sh"] if line is None else ["/bin/sh", "-c", line]),
        stdin=asyncio.subprocess.PIPE,
        stdout=outputs[0][1],
        stderr=outputs[1][1],
        cwd=os.path.join(directory, "home"),
        env={**os.environ, "HOME": os.path.join(directory, "home")},
        start_new_session=True,
    )
    for _, end in outputs:
        os.close(end)
    stdout, stderr = [os.fdopen(begin, "rb", buffering=0) for begin, _ in outputs]
    # With `send_eof`, the end of stdout would also end stderr.
    await process.redirect(stdin=child.stdin, stdout=stdout, stderr=stderr, send_eof=False)
    code = await child.wait()
    await process.stdout.drain()
    await process.stderr.drain()
    if code < 0:
        process.exit_with_signal(names[-code])
    else:
        process.exit(code)


class Sftp(asyncssh.SFTPServer):
    def __init__(self, channel):
        super().__init__(channel)
        os.chdir(os.path.join(directory, "home"))


async def main():
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=Server,
        server_host_keys=[os.path.join(directory, "host_key")],
        authorized_client_keys=os.path.join(directory, "authorized_keys"),
        process_factory=run,
        sftp_factory=Sftp,
        encoding=None,
        agent_forwarding=False,
    )
    print("listening", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
