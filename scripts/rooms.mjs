// The rooms of the packages, and which room may import which. A room is a folder of `src/internal` or of `src`, and the public
// modules that `modules` names. Each room imports only rooms above it in this table, so rooms never import each other in a
// circle. `room/file` allows one file of a room. `npm run check:rooms` compares the sources with this table.

export const rooms = {
  "core/lib": {
    holds: "bytes, text, paths, modes, random names, scopes: nothing about SSH",
    imports: []
  },
  "core/models": {
    holds: "what users pass in and get back, errors, and the services that a platform implements",
    modules: [
      "Format",
      "LocalFiles",
      "LocalHash",
      "LocalMachine",
      "LocalNetwork",
      "LocalStdio",
      "RemoteError",
      "RemoteHost",
      "RemoteProcess",
      "Transfer",
      "Transport",
      "Tunnel"
    ],
    imports: ["core/lib"]
  },
  "core/protocol": {
    holds: "the SFTP codec and the SSH wire format, as pure functions",
    imports: ["core/lib"]
  },
  "core/scripts": {
    holds: "every line of `sh` that runs on a host, and how words are quoted for a shell",
    imports: []
  },
  "core/unstable": {
    holds:
      "what the packages share without a promise: the frame of a command, the guardian's messages, SOCKS, time limits, scopes",
    imports: ["core/lib", "core/models", "core/protocol", "core/scripts"]
  },
  "core/command": {
    holds: "from a `Command` to what is sent: templates, secrets, and the errors of a command",
    modules: ["RemoteCommand"],
    imports: ["core/lib", "core/models", "core/scripts", "core/unstable"]
  },
  "core/launch": {
    holds: "from a compiled command to a process id: the plan, the handshake, spare shells",
    imports: ["core/command", "core/lib", "core/models", "core/scripts", "core/unstable"]
  },
  "core/guardian": {
    holds: "the client of the guardian, the process on the host that ends commands when the connection is lost",
    imports: ["core/launch", "core/lib", "core/models", "core/scripts", "core/unstable"]
  },
  "core/process": {
    holds: "a running command: streams, exit code, signals, and the verbs such as `string`",
    imports: [
      "core/command",
      "core/guardian",
      "core/launch",
      "core/lib",
      "core/models",
      "core/scripts",
      "core/unstable"
    ]
  },
  "core/tunnel": {
    holds: "tunnels and the SOCKS proxy",
    imports: ["core/lib", "core/models", "core/unstable"]
  },
  "core/context": {
    holds: "the service `RemoteContext`",
    modules: ["RemoteContext"],
    imports: [
      "core/command",
      "core/guardian",
      "core/launch",
      "core/lib",
      "core/models",
      "core/process",
      "core/tunnel",
      "core/unstable"
    ]
  },
  "core/sftp": {
    holds: "the SFTP client: session, requests, open files, and why a request failed",
    imports: ["core/lib", "core/models", "core/protocol", "core/scripts", "core/unstable"]
  },
  "core/files": {
    holds: "the operations of the file system, one file a verb",
    imports: [
      "core/context",
      "core/lib",
      "core/models",
      "core/protocol",
      "core/scripts",
      "core/sftp",
      "core/unstable"
    ]
  },
  "core/transfer": {
    holds: "put and get: one file or a tree, between this machine and the host",
    imports: ["core/files", "core/lib", "core/models", "core/protocol", "core/sftp", "core/unstable"]
  },
  "core/fileSystem": {
    holds: "the service `RemoteFileSystem`, and targets in it",
    modules: ["RemoteFileSystem", "RemoteTarget"],
    imports: [
      "core/context",
      "core/files",
      "core/lib",
      "core/models",
      "core/protocol",
      "core/sftp",
      "core/transfer",
      "core/unstable"
    ]
  },

  "node/lib": {
    holds: "small things that the other rooms share",
    imports: ["core/models"]
  },
  "node/ssh": {
    holds: "the `ssh` program: its version and configuration, child processes, passwords, diagnosis of its messages",
    imports: ["core/models", "core/unstable", "node/lib"]
  },
  "node/protocol": {
    holds: "the client of OpenSSH's multiplexing protocol: channels and windows over any pair of streams",
    imports: ["core/models", "core/protocol", "core/unstable", "node/lib"]
  },
  "node/local": {
    holds: "this machine: files, hashes, sockets, standard streams, the progress line",
    modules: ["NodeMachine", "TransferProgress"],
    imports: ["core/models", "core/unstable", "node/lib"]
  },
  "node/perChannel": {
    holds: "the transport that starts one `ssh` for each channel",
    imports: ["core/models", "core/unstable", "node/lib", "node/local", "node/ssh"]
  },
  "node/multiplexed": {
    holds: "the transport with one connection for all channels: master, session limit, queue, forwards",
    imports: [
      "core/models",
      "core/protocol",
      "core/unstable",
      "node/lib",
      "node/local",
      // an urgent command gets an `ssh` of its own if the server refuses a session
      "node/perChannel",
      "node/protocol",
      "node/ssh"
    ]
  },
  "node/openSsh": {
    holds: "`OpenSsh`: options, hosts as values, layers",
    modules: ["OpenSsh"],
    imports: [
      "core/context",
      "core/fileSystem",
      "core/models",
      "node/lib",
      "node/local",
      "node/multiplexed",
      "node/perChannel",
      "node/ssh"
    ]
  },

  "testing/models": {
    holds: "faults, events, scripted commands and services of the double, and errors",
    modules: ["Fault", "HostCommand", "HostEvent", "HostService", "InMemoryHostError", "SshdError"],
    imports: ["core/models", "core/protocol"]
  },
  "testing/sftp": {
    holds: "an SFTP server, the file-system interface that it serves, and that interface over a real disk",
    imports: ["core/models", "core/protocol"]
  },
  "testing/program": {
    holds: "what a program of the double gets: arguments, pipes, files, a user",
    imports: ["testing/models", "testing/sftp/sftpFileSystem"]
  },
  "testing/shell": {
    holds: "the double's `sh` and its tools",
    // a room with a lock: it knows neither the host nor SSH. File names are encoded as in SFTP.
    imports: ["core/protocol/Sftp", "testing/program", "testing/sftp/sftpFileSystem"]
  },
  "testing/memory": {
    holds: "files in memory: tree, permissions, links, seeds and snapshots",
    imports: ["core/protocol", "testing/sftp"]
  },
  "testing/host": {
    holds: "`InMemoryHost`, the double: sessions, processes, network, faults, journal",
    modules: ["InMemoryHost"],
    imports: [
      "core/context",
      "core/fileSystem",
      "core/models",
      "core/protocol",
      "core/unstable",
      "node/local",
      "testing/memory",
      "testing/models",
      "testing/program",
      "testing/sftp",
      "testing/shell"
    ]
  },
  "testing/sshd": {
    holds: "`Sshd`, a throwaway server: OpenSSH's `sshd`, or an embedded one",
    modules: ["Sshd"],
    imports: ["core/models", "testing/models", "testing/sftp"]
  },
  "testing/unstable": {
    holds: "what the tests of this repository share without a promise: processes of this machine, polling, torn reads",
    imports: ["core/fileSystem", "core/models", "testing/sshd"]
  },
  "testing/conformance": {
    holds: "the cases that hold on every transport, and the hosts that they run on",
    modules: ["Conformance", "ConformanceHost"],
    imports: [
      "core/command",
      "core/context",
      "core/fileSystem",
      "core/models",
      // cases about servers that report less change the answers of a server
      "core/protocol",
      "node/local",
      "testing/host",
      "testing/models",
      "testing/sshd",
      "testing/unstable"
    ]
  }
}
