import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import type { Archive } from '../store'
import { MiB, never, refuses, silent, TestVolume, type StoreUnderTest } from './store-under-test'

/** A secret of the host that no archive may bring into a volume. */
const secret = 'canary-of-a-secret'

/** Volumes of archives, which are strangers': whole ones become volumes, all others leave nothing. */
export function importsArchives(under: () => StoreUnderTest): void {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'archives-'))
    await writeFile(join(folder, 'secret'), Buffer.alloc(64 * 1024, secret))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const raw = async (bytes: number, pattern: number): Promise<Archive> => {
    const path = join(folder, randomUUID())
    await writeFile(path, Buffer.alloc(bytes, pattern))
    return { path, format: 'raw' }
  }
  const qcow2 = async (bytes: number, pattern: number, options: readonly string[] = []): Promise<Archive> => {
    const from = await raw(bytes, pattern)
    const path = join(folder, randomUUID())
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...options, from.path, path])
    return { path, format: 'qcow2' }
  }
  const patched = async (at: number, bytes: Buffer): Promise<Archive> => {
    const archive = await qcow2(MiB, 0x5a)
    const file = await open(archive.path, 'r+')
    await file.write(bytes, 0, bytes.length, at)
    await file.close()
    return archive
  }
  const number = (bits: 32 | 64, value: number | bigint): Buffer => {
    const buffer = Buffer.alloc(bits / 8)
    if (bits === 32) buffer.writeUInt32BE(Number(value))
    else buffer.writeBigUInt64BE(BigInt(value))
    return buffer
  }
  const imported = async (archive: Archive, sizeBytes: number): Promise<TestVolume> => {
    const volume = new TestVolume(under())
    await under().store().import({ uid: volume.uid, sizeBytes }, archive, silent, never)
    return volume
  }

  it('makes volumes of raw and qcow2 archives, compressed ones too, as large as they are asked for', async () => {
    for (const archive of [await raw(MiB, 0x5a), await qcow2(MiB, 0x5a), await qcow2(MiB, 0x5a, ['-c', '-o', 'compression_type=zstd']), await qcow2(MiB, 0x5a, ['-o', 'compat=0.10'])]) {
      const parts: number[] = []
      const volume = new TestVolume(under())
      await under().store().import({ uid: volume.uid, sizeBytes: 4 * MiB }, archive, (part) => parts.push(part), never)
      await volume.use(async (image) => {
        expect(await image.size()).toBe(4 * MiB)
        await image.read(0x5a, 0, MiB)
        await image.read(0, MiB, 3 * MiB)
        await image.write(0x5b, 0, MiB)
      })
      expect(parts.every((part) => part >= 0 && part <= 1)).toBe(true)
      // Once more: what is there stays, also without the archive.
      await rm(archive.path)
      await under().store().import({ uid: volume.uid, sizeBytes: 4 * MiB }, archive, silent, never)
      await volume.read(0x5b)
    }
  })

  it('refuses archives that are larger than the volume by their own word, and those that lie', async () => {
    const uid = randomUUID()
    const into = (archive: Archive): Promise<void> => under().store().import({ uid, sizeBytes: 2 * MiB }, archive, silent, never)
    await refuses('SourceTooLarge', into(await raw(3 * MiB, 1)))
    await refuses('SourceTooLarge', into(await qcow2(3 * MiB, 1)))
    await refuses('SourceTooLarge', into(await patched(24, number(64, 2n ** 62n))))
    expect((await under().store().list()).volumes).not.toContain(uid)
  })

  it('refuses headers that name other files, encryption, and what is no image, and reads nothing of them', async () => {
    const secretPath = join(folder, 'secret')
    const base = await qcow2(MiB, 0x01)
    const child = async (...options: string[]): Promise<Archive> => {
      const path = join(folder, randomUUID())
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, path, '1M'])
      return { path, format: 'qcow2' }
    }
    const cut = await qcow2(MiB, 0x5a)
    await truncate(cut.path, 90)
    const half = await qcow2(MiB, 0x5a)
    await truncate(half.path, 700 * 1024)
    const hostile: Archive[] = [
      await child('-b', base.path, '-F', 'qcow2'),
      await child('-u', '-b', secretPath, '-F', 'raw'),
      await child('-u', '-b', 'json:{"driver":"host_device","filename":"/dev/vda"}', '-F', 'raw'),
      await child('-o', `data_file=${join(folder, 'data')},data_file_raw=on`),
      await patched(32, number(32, 1)),
      await patched(20, number(32, 60)),
      await patched(4, number(32, 9)),
      await patched(24, number(64, 0)),
      await patched(72, number(64, 1n << 40n)),
      // The first level where there is none, of a size that nobody has, or the reference counts over it.
      await patched(40, number(64, 2n ** 50n)),
      await patched(36, number(32, 0xffff_ffff)),
      await patched(56, number(32, 0xffff_ffff)),
      cut,
      half,
      { path: (await raw(4096, 0)).path, format: 'qcow2' },
      { path: (await raw(0, 0)).path, format: 'raw' },
    ]
    for (const [which, archive] of hostile.entries()) {
      const uid = randomUUID()
      const error = await refuses('Refused', under().store().import({ uid, sizeBytes: 8 * MiB }, archive, silent, never), `archive ${which}`)
      expect(error.message).not.toContain(folder)
      expect(error.message).not.toContain(secret)
      expect((await under().store().list()).volumes).not.toContain(uid)
    }
    // Read as raw, a header is bytes as any others: what it names stays where it is.
    const path = (await child('-u', '-b', secretPath, '-F', 'raw')).path
    const first = await readFile(path)
    const volume = await imported({ path, format: 'raw' }, 8 * MiB)
    await volume.use((image) => image.read(first[0] ?? 0, 0, 1))
    expect((await stat(secretPath)).size).toBe(64 * 1024)
  })

  it('survives headers of random bytes', async () => {
    const good = await readFile((await qcow2(MiB, 0x5a)).path)
    for (let i = 0; i < 12; i += 1) {
      const bytes = Buffer.from(good)
      for (let n = 0; n < 3; n += 1) randomBytes(4).copy(bytes, 8 + Math.floor(Math.random() * 110))
      const path = join(folder, randomUUID())
      await writeFile(path, bytes)
      const volume = new TestVolume(under())
      // It may still be an image. Either way it ends, and what it became is a volume of the size that was asked for or none at all.
      const made = await under().store().import({ uid: volume.uid, sizeBytes: 8 * MiB }, { path, format: 'qcow2' }, silent, never).then(() => true, () => false)
      expect((await under().store().list()).volumes.includes(volume.uid)).toBe(made)
      if (made) expect(await volume.use((image) => image.size())).toBe(8 * MiB)
    }
  })

  it('leaves nothing where an import is called off', async () => {
    const uid = randomUUID()
    const off = new AbortController()
    const archive = await raw(64 * MiB, 0x5a)
    const call = under().store().import({ uid, sizeBytes: 64 * MiB }, archive, () => off.abort(new Error('called off')), off.signal)
    await expect(call).rejects.toThrow('called off')
    expect((await under().store().list()).volumes).not.toContain(uid)
    await under().store().import({ uid, sizeBytes: 64 * MiB }, archive, silent, never)
    expect((await under().store().list()).volumes).toContain(uid)
  })
}
