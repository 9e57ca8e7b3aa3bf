import * as core from "@effect-remote/core"
import { expect, it } from "vitest"

it("the package exports these names", () => {
  const names = Object.entries(core).map(([name, value]): [string, ReadonlyArray<string> | string] => [
    name,
    typeof value === "function" ? "function" : Object.keys(value).sort()
  ])
  expect(Object.fromEntries(names)).toMatchInlineSnapshot(`
    {
      "Format": [
        "bytes",
        "text",
      ],
      "LocalFiles": [],
      "LocalHash": [],
      "LocalMachine": [
        "LocalMachine",
        "layer",
      ],
      "LocalNetwork": [
        "LocalAddress",
      ],
      "LocalStdio": [],
      "RemoteCommand": [
        "quote",
        "sh",
      ],
      "RemoteContext": [
        "RemoteContext",
        "TypeId",
        "bytes",
        "checkOutput",
        "exitCode",
        "layer",
        "layerCommandExecutor",
        "lines",
        "make",
        "remoteTunnel",
        "run",
        "socksProxy",
        "start",
        "stream",
        "streamLines",
        "string",
        "tunnel",
      ],
      "RemoteError": [
        "RemoteCommandError",
        "RemoteCommandReason",
        "RemoteConnectionError",
        "RemoteConnectionReason",
        "SftpStatusError",
        "TunnelError",
        "TunnelReason",
        "findConnectionError",
        "isExit",
        "isTransient",
      ],
      "RemoteFileSystem": [
        "RemoteFileSystem",
        "TypeId",
        "WalkEntry",
        "atomicSink",
        "atomicWrite",
        "digest",
        "diskFree",
        "expandPath",
        "get",
        "isDirectory",
        "layer",
        "layerFileSystem",
        "listFiles",
        "lstat",
        "make",
        "put",
        "sweepTemporary",
        "walk",
      ],
      "RemoteHost": [
        "HostKeys",
        "JumpHost",
        "Pty",
        "RemoteHost",
        "config",
        "make",
        "parse",
      ],
      "RemoteProcess": [],
      "RemoteTarget": [
        "make",
        "on",
      ],
      "Transfer": [
        "Outcome",
        "TransferError",
      ],
      "Transport": [
        "ExitStatus",
        "RemoteAddress",
        "Transport",
        "TypeId",
      ],
      "Tunnel": [
        "SocksError",
        "SocksReason",
        "TunnelEvent",
      ],
      "sh": "function",
    }
  `)
})
