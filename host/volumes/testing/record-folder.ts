import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SnapshotFolder, VolumeFolder, type VolumeRecord } from '../file/layout'

/** Top first: each layer's number and text; or the path of the file that it is, where it begins with a slash. */
type Layers = readonly (readonly [id: string, text: string])[]

/** The folder of a store of files in which layers are texts, for what is decided by records, names and locks alone. */
export class RecordFolder {
  private constructor(readonly root: string) {}

  static async make(): Promise<RecordFolder> {
    const root = await mkdtemp(join(tmpdir(), 'records-'))
    for (const name of ['volumes', 'snapshots', 'merges', 'trash']) await mkdir(join(root, name))
    return new RecordFolder(root)
  }

  async volume(uid: string, layers: Layers, more: Partial<VolumeRecord> = {}): Promise<VolumeFolder> {
    const folder = new VolumeFolder(this.root, uid)
    await this.fill(folder, layers)
    await folder.write({ version: 1, uid, sizeBytes: 1 << 20, layers: layers.map(([id]) => id), next: 20, inherited: 0, pending: null, ...more })
    return folder
  }

  async snapshot(uid: string, volumeUid: string, layers: Layers): Promise<SnapshotFolder> {
    const folder = new SnapshotFolder(this.root, uid)
    await this.fill(folder, layers)
    await folder.write({ version: 1, uid, volumeUid, sizeBytes: 1 << 20, layers: layers.map(([id]) => id), next: 20, inherited: 0 })
    return folder
  }

  private async fill(folder: VolumeFolder | SnapshotFolder, layers: Layers): Promise<void> {
    await folder.make()
    for (const [id, text] of layers) await (text.startsWith('/') ? folder.adopt(id, text) : writeFile(folder.layer(id), text))
  }
}

/** As QEMU's lock of an image that it writes to (block/file-posix.c): its descriptor's, on the byte 101. */
const lockForWriting = String.raw`open(my $file, '+<', $ARGV[0]) or die "$!\n"; my $lock = pack('s s x4 q q l x4', 0, 0, 101, 1, 0); fcntl($file, 37, $lock) or die "$!\n"; $| = 1; print "locked\n"; <STDIN>`

/** A process that has a layer open for writing. Killed, it has not, by the time that `kill` resolves. */
export async function writerOf(layer: string): Promise<{ kill: () => Promise<void> }> {
  const child = spawn('perl', ['-e', lockForWriting, '--', layer], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed.then(() => Promise.reject(new Error('the layer could not be locked')))])
  return { kill: async () => {
    child.kill('SIGKILL')
    await closed
  } }
}
