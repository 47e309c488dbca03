import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from '@/platform/config'
import { guestImageFinding } from '@/tools/doctor/guest-image'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'doctor-'))
  await mkdir(join(data, 'host'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

const finding = () => guestImageFinding(loadConfig({ NODE_ENV: 'test', HYPERNETES_DATA: data }))
const state = (more: object) => writeFile(join(data, 'host/guest-image.json'), JSON.stringify({ current: { kernel: '/k', initramfs: '/i', version: 'new', sbom: join(data, 'sbom.json') }, refused: null, running: {}, ...more }))

it('shows the image in use with its versions, pods of an older one, and one that did not boot', async () => {
  expect(finding()).toMatchObject({ state: 'ok', found: 'none yet: the first start makes it' })
  await state({ running: { new: 3 } })
  expect(finding()).toMatchObject({ state: 'ok', found: `new; all packages in ${join(data, 'sbom.json')}` })
  await writeFile(join(data, 'sbom.json'), JSON.stringify({ packages: [{ name: 'linux-image-6.12.48+deb13-cloud-amd64', versionInfo: '6.12.48-1' }, { name: 'crun', versionInfo: '1.21-1' }] }))
  await state({ running: { new: 3, old: 1 } })
  expect(finding()).toMatchObject({ state: 'warning', found: `new; kernel 6.12.48-1, crun 1.21-1; all packages in ${join(data, 'sbom.json')}; 1 pod runs an older one`, advice: expect.stringContaining('at their next start') as string })
  await state({ refused: 'newest' })
  expect(finding()).toMatchObject({ state: 'warning', found: expect.stringContaining('newest did not boot') as string, advice: expect.stringContaining('npm run guest:update') as string })
})
