import * as z from 'zod/mini'
import { bytes, name, text } from './fields'
import { Hello } from './messages'
import type { Method } from './requests'
import { diskUsage, volumeResults } from './volumes'

export const StatsResult = z.object({
  vm: z.object({ memoryTotalBytes: bytes, memoryAvailableBytes: bytes, cpuMicroseconds: bytes }),
  containers: z
    .array(
      z.object({
        container: name,
        cpuMicroseconds: bytes,
        memoryBytes: bytes,
        processes: bytes,
        oomKills: bytes,
        /** Bytes read from and written to disks, in its life. */
        readBytes: z.optional(bytes),
        writtenBytes: z.optional(bytes),
        /** What its writable layer takes on the scratch disk; with `usage`. */
        layerBytes: z.optional(bytes),
      }),
    )
    .check(z.maxLength(256)),
  /** The pod's one network interface, in the life of the VM. */
  network: z.optional(z.object({ receivedBytes: bytes, sentBytes: bytes, receivedPackets: bytes, sentPackets: bytes })),
  /** The scratch disk's file system. */
  scratch: z.optional(z.object({ totalBytes: bytes, usedBytes: bytes })),
  /** With `usage`. */
  volumes: z.optional(z.array(z.object({ name, usedBytes: bytes })).check(z.maxLength(256))),
  /** Of attached volumes. */
  disks: z.optional(diskUsage),
})

const folderEntry = z.object({
  name: text(4096),
  type: z.enum(['file', 'folder', 'link', 'other']),
  /** Bytes. */
  size: bytes,
  /** Permission bits with setuid, setgid and sticky. */
  mode: z.number().check(z.int(), z.gte(0), z.lte(0o7777)),
  /** Milliseconds since 1970; 0 where it cannot be known. */
  modifiedAt: bytes,
  /** What a symbolic link says. */
  target: z.nullable(text(4096)),
})
export const ListFolderResult = z.object({
  entries: z.array(folderEntry).check(z.maxLength(1000)),
  /** There are more names after the last one here. */
  more: z.boolean(),
})

/** `open`: connected, or something came back; `refused`: the other side said no; `silent`: nothing came back in time; `detail` is a line of the program that tried. */
export const ProbeResult = z.object({ outcome: z.enum(['open', 'refused', 'unreachable', 'silent', 'failed']), milliseconds: z.number().check(z.gte(0), z.lte(60_000)), detail: text(512) })

export const StartResult = z.object({ pid: z.number().check(z.int(), z.positive()) })
export const Empty = z.object({})

/** What each method answers. */
export const results = {
  ping: z.object({ time: z.number() }),
  identify: Hello,
  setup: z.object({ bootId: text(64) }),
  addImage: Empty,
  startContainer: StartResult,
  signalContainer: Empty,
  removeContainer: Empty,
  exec: StartResult,
  signalExec: Empty,
  resize: Empty,
  stats: StatsResult,
  writeFiles: Empty,
  openTunnel: StartResult,
  archive: StartResult,
  listFolder: ListFolderResult,
  probe: ProbeResult,
  setRoutedAddresses: Empty,
  shutdown: Empty,
  ...volumeResults,
} as const satisfies Record<Method, z.ZodMiniType>

export type Result<M extends Method> = z.infer<(typeof results)[M]>

export type ProbeResult = z.infer<typeof ProbeResult>
export type StatsResult = z.infer<typeof StatsResult>
export type FolderEntry = z.infer<typeof folderEntry>
