import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { openApiWith } from './fixtures/api'
import { analyzeInBothThemes } from './fixtures/axe'
import { installation } from './fixtures/installation'
import { createPod, runIn, waitForPod, waitUntilRunning, type PodReference } from './fixtures/pods'
import { processOf } from './fixtures/processes'
import { expect, test } from './fixtures/test'

/** A disk is plugged, formatted and mounted in a machine without KVM that others load. */
const VOLUME_MS = 120_000
/** A host counts as silent after 15 s without a sign of life. */
const SILENT_MS = 60_000

const pod = (name: string): PodReference => ({ namespace: 'default', name })
const becomes = ({ api, slug }: Tenant, name: string, phase: string) => expect.poll(async () => (await api.volume.get.query({ tenant: slug, name })).status.phase, { timeout: VOLUME_MS, message: `volume ${name}` }).toBe(phase)
const state = (page: Page, word: string) => expect(page.getByText(word, { exact: true }).first()).toBeVisible({ timeout: VOLUME_MS })

async function said(tenant: Tenant, name: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runIn(tenant, pod(name), 'sh', '-c', script)
  expect(exitCode, stderr).toBe(0)
  return stdout.trim()
}

/** Lets the only host's agent stand still; returns what lets it go on, which may be called again. */
function holdHost(): () => void {
  const pid = processOf('host')
  if (pid === undefined) throw new Error('no host agent runs')
  process.kill(pid, 'SIGSTOP')
  let held = true
  return () => {
    if (held) process.kill(pid, 'SIGCONT')
    held = false
  }
}

test('going back is called off while its host is silent and what the volume has now is not kept yet', async ({ console: page, tenant }) => {
  test.slow()
  const { api, slug } = tenant
  const one = await createPod(tenant, { name: 'one' })
  await api.volume.create.mutate({ tenant: slug, name: 'data', spec: { size: '64Mi' } })
  await waitUntilRunning(tenant, one)
  const attach = async () => {
    await api.volume.attach.mutate({ tenant: slug, name: 'data', pod: one, mounts: [{ container: 'main', mountPath: '/data' }] })
    await becomes(tenant, 'data', 'InUse')
  }
  await attach()
  await said(tenant, 'one', 'echo before > /data/file && sync')
  await api.volumeSnapshot.create.mutate({ tenant: slug, name: 'first', spec: { source: { volumeName: 'data' } } })
  await expect.poll(async () => (await api.volumeSnapshot.get.query({ tenant: slug, name: 'first' })).status.phase, { timeout: VOLUME_MS }).toBe('Ready')
  await said(tenant, 'one', 'echo after > /data/file && sync')
  await api.volume.detach.mutate({ tenant: slug, name: 'data', pod: one })
  await becomes(tenant, 'data', 'Available')

  await page.goto(`/t/${slug}/volumes/data/snapshots`)
  await page.getByRole('button', { name: 'Actions for first' }).click()
  await page.getByRole('menuitem', { name: 'Revert volume to it' }).click()
  const dialog = page.getByRole('alertdialog')
  await expect(dialog).toContainText('It is again as it was in snapshot')
  const goOn = holdHost()
  try {
    await dialog.getByRole('button', { name: 'Revert volume' }).click()
    await expect(dialog).toHaveCount(0)
    await page.getByRole('navigation', { name: 'Volume data' }).getByRole('link', { name: 'Overview' }).click()
    const properties = page.locator('section', { has: page.getByRole('heading', { name: 'Properties' }) })
    await expect(properties).toContainText(/first, once what it has now is in data-before-revert-/)
    // Its host says nothing: that is what its state is then, and it can be called off all the same.
    await state(page, 'Lost')
    await expect(properties).toContainText(/first, once what it has now is in data-before-revert-/)
    await analyzeInBothThemes(page, 'a volume that is to go back, of a silent host')
    await page.getByRole('button', { name: 'Stop revert' }).click()
    await expect(dialog).toContainText('The volume stays as it is now.')
    await expect(dialog).toContainText(/Snapshot data-before-revert-\S+ of what it has now is taken all the same/)
    await analyzeInBothThemes(page, 'before going back is called off')
    await dialog.getByRole('button', { name: 'Stop revert' }).click()
    await expect(dialog).toHaveCount(0)
    await expect(properties).not.toContainText('once what it has now is in')
    await expect(page.getByRole('button', { name: 'Stop revert' })).toHaveCount(0)
  } finally {
    goOn()
  }
  await state(page, 'Available')
  await page.getByRole('navigation', { name: 'Volume data' }).getByRole('link', { name: 'Snapshots' }).click()
  await expect(page.getByRole('row', { name: /data-before-revert-/ }).getByText('Ready', { exact: true })).toBeVisible({ timeout: VOLUME_MS })
  await attach()
  expect(await said(tenant, 'one', 'cat /data/file')).toBe('after')
})

test('a host is given up with a volume in files and a pod that waits for it: both sides are told, and all is there once it is readmitted', async ({ console: page, tenant, browser }) => {
  test.setTimeout(480_000)
  const { api, slug } = tenant
  const files = (name: string) => api.pod.create.mutate({ tenant: slug, namespace: 'default', name, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: sampleImage, volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', cinder: { volumeID: 'data' } }] } })
  for (const name of ['data', 'fresh']) await api.volume.create.mutate({ tenant: slug, name, spec: { size: '64Mi' } })
  await files('writes')
  await waitUntilRunning(tenant, pod('writes'))
  await said(tenant, 'writes', 'echo kept > /data/file && sync')
  await files('waits')
  await waitForPod(tenant, pod('waits'), ({ status }) => status.conditions.some(({ reason }) => reason === 'VolumeInUse'))

  const operator = await browser.newContext()
  const desk = await operator.newPage()
  await signInByRequest(operator, installation.operator)
  const hosts = openApiWith({ origin: installation.url, cookie: (await operator.cookies()).map((one) => `${one.name}=${one.value}`).join('; ') }).host
  const [host] = (await hosts.list.query()).items
  if (!host) throw new Error('there is no host')
  const { name } = host.metadata
  const goOn = holdHost()
  try {
    await test.step('silent: nobody else may take it', async () => {
      await page.goto(`/t/${slug}/volumes/data`)
      await expect(page.getByText('Its host does not answer')).toBeVisible({ timeout: SILENT_MS })
      await expect(page.getByText(/which has not been heard of: it is there again with that host/).first()).toBeVisible()
      await analyzeInBothThemes(page, 'a volume of a silent host')
    })

    await test.step('given up by an operator, after what follows is said', async () => {
      await desk.goto(`/system/hosts/${name}`)
      await desk.getByRole('button', { name: 'Give up host' }).click()
      const dialog = desk.getByRole('alertdialog')
      await expect(dialog).toContainText(/\d+ pods bound to it: they have failed with it/)
      await expect(dialog).toContainText(/\d+ volumes? on its own disk stays? out of reach until it is readmitted with that disk\./)
      await analyzeInBothThemes(desk, 'before a host is given up')
      await dialog.getByRole('textbox', { name: /^Type/ }).fill(name)
      await dialog.getByRole('button', { name: 'Give up host' }).click()
      await expect(dialog).toHaveCount(0)
      await expect(desk.getByText('Declared lost', { exact: true }).first()).toBeVisible()
      await expect(desk.getByText('Where the machine comes back with its disk, readmit it', { exact: false })).toBeVisible()
      await analyzeInBothThemes(desk, 'a host that was given up')
    })

    await test.step('its tenant is told what became of the volume, and of the pods', async () => {
      await expect(page.getByText(/which an operator has declared lost: it is there again when that host is readmitted with its disk/).first()).toBeVisible({ timeout: VOLUME_MS })
      for (const each of ['writes', 'waits']) {
        const { status } = await waitForPod(tenant, pod(each), (now) => now.status.phase === 'Failed')
        expect(status.message).toContain(`Host ${name} was declared lost`)
      }
      await page.goto(`/t/${slug}/pods/default/writes`)
      await expect(page.getByText(/was declared lost, and the pod with it/).first()).toBeVisible()
      await analyzeInBothThemes(page, 'a pod of a host that was given up')
      // What comes now waits for the host on whose disk its volume lies.
      for (const each of ['writes', 'waits']) await api.pod.delete.mutate({ tenant: slug, ...pod(each) })
      await expect.poll(async () => (await api.pod.list.query({ tenant: slug })).items, { timeout: VOLUME_MS }).toEqual([])
      await files('again')
      await waitForPod(tenant, pod('again'), ({ status }) => status.conditions.some(({ type, status: is }) => type === 'PodScheduled' && is === 'False'))
      await page.goto(`/t/${slug}/volumes`)
      await expect(page.getByRole('row', { name: /^data/ }).getByText('Lost', { exact: true })).toBeVisible()
      await expect(page.getByRole('row', { name: /^fresh/ }).getByText('Not made yet', { exact: true })).toBeVisible()
    })

    await test.step('the host that comes back is not let in before it is readmitted', async () => {
      goOn()
      await expect(desk.getByText('Declared lost', { exact: true }).first()).toBeVisible()
      await desk.getByRole('button', { name: 'Readmit host' }).click()
      const dialog = desk.getByRole('alertdialog')
      await expect(dialog).toContainText('Volumes on its disk are there again.')
      await analyzeInBothThemes(desk, 'before a host is readmitted')
      await dialog.getByRole('button', { name: 'Readmit host' }).click()
      await expect(dialog).toHaveCount(0)
      await expect(desk.getByText('Ready', { exact: true }).first()).toBeVisible({ timeout: VOLUME_MS })
    })
  } finally {
    goOn()
    if ((await hosts.get.query({ name })).status.lostSince !== null) await hosts.readmit.mutate({ name })
    await operator.close()
  }

  await waitUntilRunning(tenant, pod('again'))
  expect(await said(tenant, 'again', 'cat /data/file')).toBe('kept')
  await becomes(tenant, 'data', 'InUse')
})
