import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Assignment } from '@/contracts/host/v1'
import { buildGuestImage, type GuestImage } from '@/guest/image/build'
import { currentPackages } from '@/guest/image/package-root'
import { Inventory, readInventory, writtenAs } from '@/guest/image/inventory'
import { updateGuestImage } from '@/guest/image/update'
import { GuestImageState, guestImageStateFile } from '@/host/hypervisor/guest-images'
import { Pristine } from '@/host/hypervisor/templates/pristine'
import { sampleReference } from '@/host/images/sample/sample-image'
import { RealHost } from './testing/real-host'

const cache = join(import.meta.dirname, '../../node_modules/.cache/hypernetes-guest')
let outDir: string
let pointer: string
let old: GuestImage
let host: RealHost

/** As npm run guest:update does it: in one step. */
async function publish(image: GuestImage): Promise<void> {
  await writeFile(`${pointer}.draft`, JSON.stringify(image))
  await rename(`${pointer}.draft`, pointer)
}

/** The packages in use, with one of another version: what a mirror has on another day, without a mirror. */
async function later(folder: string): Promise<string> {
  const from = (await currentPackages(folder)) ?? ''
  const inventory = await readInventory(from)
  const target = `${from}later`
  await cp(from, target, { recursive: true })
  const packages = inventory.packages.map((one) => (one.name === 'crun' ? { ...one, version: '99.1-1' } : one))
  await writeFile(join(target, writtenAs(inventory)[0]), JSON.stringify(Inventory.parse({ ...inventory, packages })))
  return target
}

const Vm = z.object({ vm: z.object({ guest: z.string(), process: z.object({ pid: z.number() }) }) })
const vmOf = async (pod: Assignment) => Vm.parse(JSON.parse(await readFile(join(host.folder, 'ledger', `${pod.uid}.json`), 'utf8'))).vm
/** The guest image of a pod's VM, as the host keeps it; null while it has none. */
const guestOf = (pod: Assignment) => vmOf(pod).then(({ guest }) => guest, () => null)
const kill = async (pod: Assignment) => process.kill((await vmOf(pod)).process.pid, 'SIGKILL')

/** The guest images of the templates of the pods' size; old ones stay as long as a VM runs from them. */
async function templateGuests(): Promise<string[]> {
  const folder = join(host.folder, 'templates/pristine')
  const marks = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name, 'ready'), 'utf8').catch(() => null)))
  const templates = marks.filter((mark) => mark !== null).map((mark) => Pristine.parse(JSON.parse(mark)))
  return templates.filter(({ memoryMiB }) => memoryMiB === 128).map(({ guestVersion }) => guestVersion)
}

const state = async () => GuestImageState.parse(JSON.parse(await readFile(join(host.folder, guestImageStateFile), 'utf8')))

beforeAll(async () => {
  await buildGuestImage({ outDir: cache })
  outDir = await mkdtemp(join(tmpdir(), 'images-'))
  for (const name of await readdir(cache)) if (name.startsWith('packages-')) await cp(join(cache, name), join(outDir, name), { recursive: true, verbatimSymlinks: true })
  old = await buildGuestImage({ outDir })
  pointer = join(outDir, 'image.json')
  await publish(old)
  host = await RealHost.open({ guest: { pointer } })
})
afterAll(async () => {
  await host?.close()
  await rm(outDir, { recursive: true, force: true })
})

test('pods that run keep their guest image, others start from the new one; the old one goes with the last VM of it', async () => {
  const spec = { restartPolicy: 'Always' as const, containers: [{ name: 'web', image: sampleReference }] }
  const [first, second] = [host.pod(spec), host.pod(spec)]
  host.apply([first])
  await host.untilRunning(first)

  // An image that does not boot is left alone.
  const broken: GuestImage = { ...old, version: 'broken', kernel: join(outDir, 'no-kernel') }
  await writeFile(broken.kernel, 'this is no kernel')
  await publish(broken)
  await host.until(async () => (await state()).refused === 'broken')
  expect((await state()).current.version).toBe(old.version)

  const { image: next } = await updateGuestImage({ outDir, force: false, fetch: later })
  if (!next) throw new Error('no new image was made')
  await publish(next)
  // As long as a trial may take: the boots of templates are beside it.
  await host.until(async () => (await state()).current.version === next.version, 110_000)
  host.apply([first, second])
  await host.untilRunning(second)
  // A pod that starts while the new template is being made is of the old one; this one may be either, once more it is not.
  await host.until(async () => (await templateGuests()).includes(next.version))
  await kill(second)
  await host.until(async () => (await guestOf(second)) === next.version)
  await host.untilRunning(second)
  expect([await guestOf(first), await guestOf(second)]).toEqual([old.version, next.version])
  expect(await host.run(first, ['true'])).toEqual({ exitCode: 0, output: '' })
  expect(await readdir(outDir)).toContain(old.version)

  await kill(first)
  await host.until(async () => (await guestOf(first)) === next.version)
  await host.untilRunning(first)
  await host.until(async () => !(await readdir(outDir)).includes(old.version))
  expect(await readdir(outDir)).toContain(next.version)
  expect(await state()).toEqual({ current: expect.objectContaining({ version: next.version }) as unknown, refused: null, running: { [next.version]: expect.any(Number) as number } })
}, 300_000)
