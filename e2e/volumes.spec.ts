import type { Page } from '@playwright/test'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { openApiWith } from './fixtures/api'
import { analyzeInBothThemes } from './fixtures/axe'
import { installation } from './fixtures/installation'
import { createPod, runIn, waitUntilRunning } from './fixtures/pods'
import { goByKeys, untilKeysAnswer } from './fixtures/keys'
import { expect, test } from './fixtures/test'

/** A disk is made, plugged, formatted and mounted in a machine without KVM that others load. */
const VOLUME_MS = 120_000

const form = (page: Page, name: string) => page.getByRole('dialog', { name })
const statusOf = async ({ api, slug }: Tenant, name: string) => (await api.volume.get.query({ tenant: slug, name })).status
const state = (page: Page, word: string) => expect(page.getByText(word, { exact: true }).first()).toBeVisible({ timeout: VOLUME_MS })

/** Gives the volume whose page is shown to a pod. */
async function attach(page: Page, volume: string, pod: string): Promise<void> {
  await page.getByRole('link', { name: 'Attach volume' }).click()
  const dialog = form(page, `Attach ${volume}`)
  await dialog.getByRole('combobox', { name: 'Pod' }).fill(pod)
  await page.getByRole('option', { name: new RegExp(`default/${pod}`) }).click()
  await dialog.getByRole('textbox', { name: 'Mounted at' }).fill('/data')
  await dialog.getByRole('button', { name: 'Attach volume' }).click()
  await expect(dialog).toHaveCount(0)
  await state(page, 'In use')
}

/** The last words of a command in the pod. */
async function said(tenant: Tenant, pod: string, ...command: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runIn(tenant, { namespace: 'default', name: pod }, ...command)
  expect(exitCode, stderr).toBe(0)
  return stdout.trim()
}

test('a volume is made, attached, written, grown, snapshotted, goes back, and is deleted and restored', async ({ console: page, tenant }) => {
  test.slow()
  const { slug } = tenant
  const at = (path: string) => new RegExp(`/t/${slug}${path}$`)
  const pod = await createPod(tenant, { name: 'one' })
  await page.goto(`/t/${slug}/pods`)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await goByKeys(page, 'gv', at('/volumes'))
  await expect(page.getByText('No volumes yet')).toBeVisible()

  await test.step('made by the keyboard alone, with what is wrong at its field', async () => {
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    const dialog = form(page, 'Create volume')
    await expect(dialog.getByRole('textbox', { name: 'Name' })).toBeFocused()
    await page.keyboard.type('Data')
    await page.keyboard.press('Enter')
    await expect(dialog.getByRole('textbox', { name: 'Name' })).toHaveAttribute('aria-invalid', 'true')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('data')
    await dialog.getByRole('textbox', { name: 'Size' }).fill('1')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { name: 'data', level: 1 })).toBeVisible()
    await expect(page.getByText('Not made yet', { exact: true }).first()).toBeVisible()
    await analyzeInBothThemes(page, 'a volume that is not made yet')
  })

  await waitUntilRunning(tenant, pod)
  await test.step('attached to a pod that runs, and written', async () => {
    await attach(page, 'data', 'one')
    await said(tenant, 'one', 'sh', '-c', 'echo before > /data/file && dd if=/dev/zero of=/data/large bs=1M count=100 && sync')
    await page.getByRole('link', { name: 'one', exact: true }).first().click()
    await expect(page).toHaveURL(at('/pods/default/one'))
    await expect(page.getByRole('table', { name: 'Volumes of this pod' }).getByRole('link', { name: 'data' })).toBeVisible()
    await page.getByRole('table', { name: 'Volumes of this pod' }).getByRole('link', { name: 'data' }).click()
    await expect(page.getByRole('heading', { name: 'data', level: 1 })).toBeVisible()
  })

  await test.step('how full it is is told while the pod writes', async () => {
    await expect(page.getByRole('meter', { name: 'Use of data' })).toHaveAttribute('aria-valuetext', /^1\d\d MiB of 1 GiB$/, { timeout: VOLUME_MS })
  })

  await test.step('it is no other pod’s while one has it, and says so', async () => {
    await page.getByRole('button', { name: 'Attach volume' }).hover()
    await expect(page.getByRole('tooltip')).toContainText('Pod one has it')
  })

  await test.step('grown while the pod runs, after what follows is said', async () => {
    await page.getByRole('link', { name: 'Grow volume' }).click()
    const dialog = form(page, 'Grow data')
    await dialog.getByRole('textbox', { name: 'New size' }).fill('512Mi')
    await dialog.getByRole('button', { name: 'Grow volume' }).click()
    await expect(dialog.getByText(/cannot shrink/).first()).toBeVisible()
    await dialog.getByRole('textbox', { name: 'New size' }).fill('2')
    await expect(dialog).toContainText('grows from 1 GiB to 2 GiB')
    await dialog.getByRole('button', { name: 'Grow volume' }).click()
    await expect(dialog).toHaveCount(0)
    await expect.poll(async () => Number(await said(tenant, 'one', 'sh', '-c', 'df -k /data | tail -n 1 | awk \'{print $2}\'')), { timeout: VOLUME_MS }).toBeGreaterThan(1_500_000)
    await state(page, 'In use')
  })

  await test.step('a snapshot stands on its timeline', async () => {
    await page.getByRole('navigation', { name: 'Volume data' }).getByRole('link', { name: 'Snapshots' }).click()
    await expect(page.getByText('No snapshots yet')).toBeVisible()
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    const dialog = form(page, 'Take snapshot of data')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('first')
    await dialog.getByRole('button', { name: 'Take snapshot' }).click()
    await expect(page.getByRole('row', { name: /first/ }).getByText('Ready', { exact: true })).toBeVisible({ timeout: VOLUME_MS })
    await expect(page.getByRole('figure', { name: /1 snapshot;/ })).toBeVisible()
    await page.getByRole('button', { name: 'Actions for first' }).click()
    await page.getByRole('menuitem', { name: 'Create volume from it' }).click()
    const clone = form(page, 'Create volume')
    await expect(clone.getByRole('combobox', { name: 'Snapshot' })).toHaveValue('first')
    await clone.getByRole('textbox', { name: 'Name' }).fill('copy')
    await clone.getByRole('textbox', { name: 'Size' }).fill('1')
    await clone.getByRole('button', { name: 'Create volume' }).click()
    // As large as the volume was then, at least.
    await expect(clone.getByRole('textbox', { name: 'Size' })).toHaveAttribute('aria-invalid', 'true')
    await clone.getByRole('textbox', { name: 'Size' }).fill('2')
    await clone.getByRole('button', { name: 'Create volume' }).click()
    await expect(page.getByRole('heading', { name: 'copy', level: 1 })).toBeVisible()
    await page.goto(`/t/${slug}/volumes/data/snapshots`)
    await expect(page.getByRole('row', { name: /first.*1 clone/ })).toBeVisible()
    await analyzeInBothThemes(page, 'a timeline')
    await page.getByRole('link', { name: 'first', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'first', level: 1 })).toBeVisible()
    await expect(page.getByRole('table', { name: 'Volumes made of this snapshot' }).getByRole('link', { name: 'copy' })).toBeVisible()
    await page.getByRole('button', { name: 'More actions for first' }).click()
    await page.getByRole('menuitem', { name: 'Delete snapshot' }).click()
    const deleting = page.getByRole('alertdialog')
    await expect(deleting).toContainText('cannot go back to this moment any more; it is its only snapshot')
    await expect(deleting).toContainText('1 volume made of it keeps all that it has: copy.')
    await analyzeInBothThemes(page, 'before a snapshot is deleted')
    await deleting.getByRole('button', { name: 'Cancel' }).click()
    await page.goto(`/t/${slug}/volume-snapshots`)
    await page.getByRole('link', { name: 'first', exact: true }).waitFor()
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    await form(page, 'Take a snapshot').getByRole('combobox', { name: 'Volume' }).fill('data')
    await form(page, 'Take a snapshot').getByRole('button', { name: 'Choose how' }).click()
    await expect(form(page, 'Take snapshot of data')).toBeVisible()
    await page.goto(`/t/${slug}/volumes/data/snapshots`)
    await said(tenant, 'one', 'sh', '-c', 'echo after > /data/file && sync')
  })

  await test.step('it goes back only once no pod has it: detached, reverted, attached again', async () => {
    await page.getByRole('button', { name: 'Actions for first' }).click()
    await expect(page.getByRole('menuitem', { name: 'Revert volume to it' })).toHaveAttribute('aria-disabled', 'true')
    await page.keyboard.press('Escape')
    await page.getByRole('navigation', { name: 'Volume data' }).getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('button', { name: 'Detach', exact: true }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('goes on without')
    await analyzeInBothThemes(page, 'before a volume is detached')
    await dialog.getByRole('button', { name: 'Detach volume' }).click()
    await state(page, 'Available')
    await page.getByRole('navigation', { name: 'Volume data' }).getByRole('link', { name: 'Snapshots' }).click()
    await page.getByRole('button', { name: 'Actions for first' }).click()
    await page.getByRole('menuitem', { name: 'Revert volume to it' }).click()
    await expect(dialog).toContainText('It is again as it was in snapshot')
    await expect(dialog.getByRole('checkbox', { name: /Take a snapshot of what it has now first/ })).toBeChecked()
    await dialog.getByRole('button', { name: 'Revert volume' }).click()
    await expect(dialog).toHaveCount(0)
    await expect.poll(async () => (await statusOf(tenant, 'data')).phase, { timeout: VOLUME_MS }).toBe('Available')
    await page.getByRole('navigation', { name: 'Volume data' }).getByRole('link', { name: 'Overview' }).click()
    await attach(page, 'data', 'one')
    expect(await said(tenant, 'one', 'cat', '/data/file')).toBe('before')
  })

  await test.step('deleted after its name is typed, and restored with all that is on it', async () => {
    await page.getByRole('button', { name: 'Detach', exact: true }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Detach volume' }).click()
    await state(page, 'Available')
    await page.getByRole('button', { name: 'More actions for data' }).click()
    await page.getByRole('menuitem', { name: 'Delete volume' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('It can be restored')
    await expect(dialog).toContainText('snapshot')
    await expect(dialog.getByRole('button', { name: 'Delete volume' })).toHaveAttribute('aria-disabled', 'true')
    await analyzeInBothThemes(page, 'before a volume is deleted')
    await dialog.getByRole('textbox', { name: /^Type data/ }).fill('data')
    await dialog.getByRole('button', { name: 'Delete volume' }).click()
    await expect(page).toHaveURL(at('/volumes'))
    await expect(page.getByRole('row', { name: /^copy/ })).toBeVisible()
    await expect(page.getByRole('row', { name: /^data/ })).toHaveCount(0)
    await page.getByText('Deleted', { exact: true }).first().click()
    await page.getByRole('button', { name: 'Actions for data' }).click()
    await page.getByRole('menuitem', { name: 'Restore volume' }).click()
    await form(page, 'Restore volume data').getByRole('button', { name: 'Restore volume' }).click()
    await expect(page.getByText('No deleted volumes')).toBeVisible()
    await expect.poll(async () => (await statusOf(tenant, 'data')).phase, { timeout: VOLUME_MS }).toBe('Available')
  })
})

test('a volume is made of a disk’s image that is sent', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  await page.goto(`/t/${slug}/volumes-new`)
  const dialog = form(page, 'Create volume')
  await dialog.getByRole('textbox', { name: 'Name' }).fill('sent')
  await dialog.getByText('Archive', { exact: true }).click()
  await dialog.getByRole('textbox', { name: 'Size' }).fill('1Mi')
  await dialog.getByRole('button', { name: 'Create volume' }).click()
  await expect(dialog.getByText('Choose an archive')).toBeVisible()
  await dialog.getByLabel('Archive', { exact: true }).last().setInputFiles({ name: 'disk.raw', mimeType: 'application/octet-stream', buffer: Buffer.alloc(2 ** 21, 1) })
  await dialog.getByRole('button', { name: 'Create volume' }).click()
  // The disk is larger than what is asked for: that is said before it is sent.
  await expect(dialog.getByRole('textbox', { name: 'Size' })).toHaveAttribute('aria-invalid', 'true')
  expect((await api.volume.listUploads.query({ tenant: slug })).items).toEqual([])
  await dialog.getByRole('textbox', { name: 'Size' }).fill('2Mi')
  await dialog.getByRole('button', { name: 'Create volume' }).click()
  await expect(page.getByRole('heading', { name: 'sent', level: 1 })).toBeVisible()
  expect((await api.volume.get.query({ tenant: slug, name: 'sent' })).spec.source.kind).toBe('Upload')

  // What was sent and became no volume is found again: one is deleted, of the other a volume is made.
  for (const bytes of [2 ** 20, 3 * 2 ** 20]) expect(await page.evaluate(async ([path, length]) => (await fetch(path, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(length) })).status, [`/api/volumes/${slug}`, bytes] as const)).toBe(201)
  await page.goto(`/t/${slug}/volumes-new`)
  await dialog.getByText('Archive', { exact: true }).click()
  await dialog.getByRole('button', { name: 'Delete upload of 3 MiB' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete upload' }).click()
  await expect(dialog.getByText('raw, 3 MiB')).toHaveCount(0)
  await dialog.getByRole('textbox', { name: 'Name' }).fill('found')
  await dialog.getByRole('textbox', { name: 'Size' }).fill('1Mi')
  await dialog.getByRole('radio', { name: /raw, 1 MiB/ }).check()
  await dialog.getByRole('button', { name: 'Create volume' }).click()
  await expect(page.getByRole('heading', { name: 'found', level: 1 })).toBeVisible()
})

test('operators make stores and classes, tenants choose among classes, and quotas hold', async ({ page, tenant, context }) => {
  const name = `slow-${tenant.slug}`.slice(0, 60)
  await signInByRequest(context, installation.operator)
  await page.goto('/system/volume-stores')
  await expect(page.getByRole('row', { name: /local.*Files on each host/ })).toBeVisible()
  await page.getByRole('link', { name: 'local', exact: true }).click()
  await expect(page.getByRole('table', { name: 'Hosts and this store' }).getByText('Reached')).toBeVisible({ timeout: VOLUME_MS })
  await expect(page.getByRole('group', { name: 'Conditions' }).getByText('Reachable', { exact: true })).toBeVisible({ timeout: VOLUME_MS })

  await test.step('a class, with what is wrong at its field', async () => {
    await page.goto('/system/storage-classes')
    await expect(page.getByRole('row', { name: /standard.*local/ })).toBeVisible()
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    const dialog = form(page, 'Create storage class')
    await dialog.getByRole('button', { name: 'Create storage class' }).click()
    await expect(dialog.getByRole('textbox', { name: 'Name' })).toHaveAttribute('aria-invalid', 'true')
    await dialog.getByRole('textbox', { name: 'Name' }).fill(name)
    await dialog.getByRole('combobox', { name: 'Store', exact: true }).selectOption('local')
    await dialog.getByText('The most that each volume may do').click()
    await dialog.getByRole('textbox', { name: /^Operations a second/ }).fill('100')
    await dialog.getByRole('button', { name: 'Create storage class' }).click()
    await expect(page.getByRole('row', { name: new RegExp(name) })).toBeVisible()
  })

  await test.step('what another operator does is seen on the page that is open', async () => {
    const other = openApiWith({ origin: installation.url, cookie: (await context.cookies()).map((one) => `${one.name}=${one.value}`).join('; ') })
    const made = `also-${tenant.slug}`.slice(0, 60)
    const row = page.getByRole('row', { name: new RegExp(made) })
    await other.storageClass.create.mutate({ name: made, spec: { store: 'local' } })
    await expect(row).toBeVisible({ timeout: 30_000 })
    await other.storageClass.delete.mutate({ name: made })
    await expect(row).toHaveCount(0, { timeout: 30_000 })
  })

  await test.step('a tenant may have as much as an operator says', async () => {
    await page.goto('/system/volume-quota')
    const dialog = form(page, 'Set quota')
    await dialog.getByRole('textbox', { name: 'Tenant' }).fill(tenant.slug)
    await dialog.getByRole('button', { name: 'Show quota' }).click()
    await dialog.getByRole('textbox', { name: 'Volumes' }).fill('1')
    await dialog.getByRole('textbox', { name: 'Size of all together' }).fill('2Gi')
    await dialog.getByRole('button', { name: 'Set quota' }).click()
    await expect(page.getByText(`${tenant.slug} may have 1 volume of 2 GiB together`, { exact: false })).toBeVisible()
  })

  await test.step('and chooses the class', async () => {
    await context.clearCookies()
    await signInByRequest(context, tenant.person)
    await page.goto(`/t/${tenant.slug}/volumes-new`)
    const dialog = form(page, 'Create volume')
    await expect(dialog.getByText('0 B of 2 GiB in 0 of 1 volume')).toBeVisible()
    await dialog.getByRole('textbox', { name: 'Name' }).fill('slow')
    await dialog.getByRole('textbox', { name: 'Size' }).fill('3Gi')
    await dialog.getByRole('combobox', { name: 'Class' }).selectOption(name)
    await dialog.getByRole('button', { name: 'Create volume' }).click()
    await expect(dialog.getByRole('textbox', { name: 'Size' })).toHaveAttribute('aria-invalid', 'true')
    await dialog.getByRole('textbox', { name: 'Size' }).fill('1Gi')
    await dialog.getByRole('button', { name: 'Create volume' }).click()
    await expect(page.getByRole('heading', { name: 'slow', level: 1 })).toBeVisible()
    await expect(page.getByText(name, { exact: true }).first()).toBeVisible()
    await expect(page.getByText('100 operations a second · of its class')).toBeVisible()
  })
})
