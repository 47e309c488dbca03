import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { opensDirect } from './direct'

test('whether a file system lets its files be opened past the host’s cache is found out by opening one', async () => {
  // Not /tmp, which is memory on Debian 13.
  const folder = await mkdtemp('/var/tmp/hypernetes-direct-')
  try {
    await writeFile(join(folder, 'file'), 'a')
    expect(await opensDirect(join(folder, 'file'))).toBe(true)
    // The kernel's own files are in no cache, and cannot be.
    expect(await opensDirect('/proc/self/status')).toBe(false)
    // Who opens it says what is wrong with it.
    expect(await opensDirect(join(folder, 'missing'))).toBe(true)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
