/** One entry of an initramfs. Paths are relative to the root, without a leading slash. */
export type ArchiveEntry =
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; content: Uint8Array }
  | { kind: 'symlink'; path: string; target: string }
  | { kind: 'character'; path: string; mode: number; major: number; minor: number }

const typeBits = { directory: 0o040000, file: 0o100000, symlink: 0o120000, character: 0o020000 } as const

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4)
}

function record(inode: number, path: string, mode: number, content: Uint8Array, device: [number, number]): Buffer[] {
  const name = Buffer.from(`${path}\0`)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, device[0], device[1], name.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return [header, name, padding(header.length + name.length), Buffer.from(content), padding(content.length)]
}

/**
 * Packs entries as a cpio archive of format "newc", as the kernel's initramfs unpacker reads it
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Everything belongs to root and has
 * no times, so equal entries give equal bytes; device nodes need no privilege.
 */
export function packArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts: Buffer[] = []
  entries.forEach((entry, index) => {
    const content = entry.kind === 'file' ? entry.content : Buffer.from(entry.kind === 'symlink' ? entry.target : '')
    const mode = typeBits[entry.kind] | (entry.kind === 'symlink' ? 0o777 : entry.mode)
    const device: [number, number] = entry.kind === 'character' ? [entry.major, entry.minor] : [0, 0]
    parts.push(...record(index + 1, entry.path, mode, content, device))
  })
  parts.push(...record(0, 'TRAILER!!!', 0, Buffer.alloc(0), [0, 0]))
  return Buffer.concat(parts)
}
