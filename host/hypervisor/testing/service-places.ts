import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { MemoryFolder } from '@/host/balancers/haproxy/memory-folder'
import { certificateFile } from '@/host/balancers/haproxy/places'
import { socketOf } from '@/host/balancers/haproxy/process'

/**
 * What a balancer's HAProxy and a network's resolver of somebody else have in a host's data folder: a socket for commands that listens, a certificate with its key in memory, and
 * the folder with a network's names. `arguments` names them for the escape's script.
 */
export async function servicePlaces(folder: string, uid: number): Promise<{ arguments: string[]; remove: () => Promise<void> }> {
  const [balancer, resolver] = [join(folder, 'balancers', 'other'), join(folder, 'dns', 'other')]
  const memory = new MemoryFolder(join(balancer, 'memory'), uid)
  await memory.make()
  await memory.put(new Map([[certificateFile('other'), 'a key']]))
  const haproxy = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => haproxy.listen(socketOf(memory.now, 'worker'), resolve))
  await mkdir(resolver, { recursive: true, mode: 0o750 })
  await writeFile(join(resolver, 'names.conf'), 'no-resolv\n', { mode: 0o640 })
  for (const path of [resolver, join(resolver, 'names.conf')]) await chown(path, 0, uid)
  return {
    arguments: [`haproxy=${socketOf(memory.now, 'worker')}`, `key=${join(memory.now, certificateFile('other'))}`, `resolver=${resolver}`],
    remove: async () => {
      haproxy.close()
      await memory.remove()
      await rm(join(folder, 'dns'), { recursive: true })
    },
  }
}
