import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { analyzeInBothThemes } from './fixtures/axe'
import { connectToDatabase } from './fixtures/database'
import { installation } from './fixtures/installation'
import { createPod, runIn, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

/** A disk is plugged, formatted and mounted in a machine without KVM that others load. */
const VOLUME_MS = 120_000

const form = (page: Page, name: string) => page.getByRole('dialog', { name })
const phaseOf = async ({ api, slug }: Tenant, name: string) => (await api.volume.get.query({ tenant: slug, name })).status.phase
const becomes = (tenant: Tenant, name: string, phase: string) => expect.poll(() => phaseOf(tenant, name), { timeout: VOLUME_MS, message: `volume ${name}` }).toBe(phase)
/** Keeps a file of the volume open, and writes to another one each second. */
const scribe = 'until [ -d /files/lost+found ]; do sleep 0.2; done; exec 3>/files/held; while :; do dd if=/dev/zero of=/files/beat bs=64k count=16 2>/dev/null; sync; sleep 1; done'

test('a volume is bounded and renamed, its throughput is seen, all of its pod’s are kept at one instant, and it is taken from who will not let go', async ({ console: page, tenant }) => {
  test.slow()
  const { api, slug } = tenant
  const pod = await createPod(tenant, { name: 'one', container: { command: ['sh', '-c', scribe] } })
  for (const name of ['data', 'logs']) await api.volume.create.mutate({ tenant: slug, name, spec: { size: '256Mi' } })

  await test.step('its limits and its name', async () => {
    await page.goto(`/t/${slug}/volumes/data`)
    await page.getByRole('link', { name: 'Set limits' }).click()
    const limits = form(page, 'Limits of data')
    await limits.getByRole('textbox', { name: /^Operations a second/ }).fill('2000')
    await limits.getByRole('button', { name: 'Set limits' }).click()
    await expect(limits).toHaveCount(0)
    await expect(page.getByText('2,000 operations a second', { exact: true })).toBeVisible()
    await page.getByRole('button', { name: 'More actions for data' }).click()
    await page.getByRole('menuitem', { name: 'Rename volume' }).click()
    const rename = form(page, 'Rename data')
    await rename.getByRole('textbox', { name: 'Name' }).fill('files')
    await rename.getByRole('button', { name: 'Rename volume' }).click()
    await expect(page.getByRole('heading', { name: 'files', level: 1 })).toBeVisible()
    expect((await api.volume.get.query({ tenant: slug, name: 'files' })).status.limits).toMatchObject({ iops: 2000, bytesPerSecond: null, ofClass: [] })
  })

  await waitUntilRunning(tenant, pod)
  for (const name of ['files', 'logs']) await api.volume.attach.mutate({ tenant: slug, name, pod, mounts: [{ container: 'main', mountPath: `/${name}` }] })
  for (const name of ['files', 'logs']) await becomes(tenant, name, 'InUse')

  await test.step('snapshots of all that the pod has, at one instant', async () => {
    await page.goto(`/t/${slug}/volumes/files/snapshots-new`)
    const take = form(page, 'Take snapshot of files')
    await take.getByRole('textbox', { name: 'Name' }).fill('both')
    await take.getByRole('checkbox', { name: /^All volumes of pod one/ }).check()
    await take.getByRole('button', { name: 'Take snapshot' }).click()
    await expect(page.getByRole('row', { name: /both-files/ }).getByText('Ready', { exact: true })).toBeVisible({ timeout: VOLUME_MS })
    await page.getByRole('link', { name: 'both-files', exact: true }).click()
    const others = page.getByRole('table', { name: 'Snapshots of the same instant' })
    await expect(others.getByRole('row', { name: /both-logs/ }).getByText('Ready', { exact: true })).toBeVisible({ timeout: VOLUME_MS })
    await page.getByRole('button', { name: 'Revert all' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('All 2 volumes are again as they were at that instant: files, logs.')
    await expect(dialog).toContainText('while the pod "one" in namespace "default" has it')
    await expect(dialog.getByRole('button', { name: 'Revert 2 volumes' })).toHaveAttribute('aria-disabled', 'true')
    await analyzeInBothThemes(page, 'before an instant is reverted to')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
  })

  await test.step('what was written is on its graphs', async () => {
    await expect.poll(async () => (await api.figures.volume.query({ tenant: slug, name: 'files', range: '1h' })).writtenBytesPerSecond.some((rate) => (rate ?? 0) > 2 ** 16), { timeout: VOLUME_MS }).toBe(true)
    await page.goto(`/t/${slug}/volumes/files/figures`)
    await expect(page.getByText(/^In the last 1 hour: .* in [\d,]+ writes?\.$/)).toBeVisible()
    const throughput = page.getByRole('region', { name: /^Throughput/ })
    await throughput.getByText('Show values').click()
    const values = throughput.getByRole('table', { name: 'Throughput' })
    await expect(values.getByRole('columnheader', { name: 'Written' })).toBeVisible()
    // The last column is what was written: a MiB a second.
    await expect.poll(async () => (await values.getByRole('row').allTextContents()).some((text) => /[KM]iB\/s$/.test(text))).toBe(true)
    await analyzeInBothThemes(page, 'figures of a volume')
  })

  await test.step('who holds it is named, and by force it goes after what would be lost is said', async () => {
    await page.goto(`/t/${slug}/volumes/files`)
    const detach = page.getByRole('button', { name: 'Detach', exact: true })
    await detach.click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('keeps it attached, and is named')
    await dialog.getByRole('button', { name: 'Detach volume' }).click()
    await expect(dialog).toHaveCount(0)
    await expect(page.getByText(/have it open: .*sh/).first()).toBeVisible({ timeout: VOLUME_MS })
    await detach.click()
    await dialog.getByRole('checkbox', { name: /^By force/ }).check()
    await expect(dialog).toContainText('what it has not written out is lost, as in a power cut')
    await expect(dialog).toContainText('within 10 seconds, it is ended')
    await analyzeInBothThemes(page, 'before a volume is detached by force')
    await dialog.getByRole('button', { name: 'Detach volume' }).click()
    await expect(page.getByText('Available', { exact: true }).first()).toBeVisible({ timeout: VOLUME_MS })
    // The pod goes on without it.
    expect((await runIn(tenant, pod, 'true')).exitCode).toBe(0)
  })

  await test.step('both go back together, are cloned together, and their snapshots go together', async () => {
    await api.volume.detach.mutate({ tenant: slug, name: 'logs', pod })
    await becomes(tenant, 'logs', 'Available')
    await page.goto(`/t/${slug}/volume-snapshots/both-files`)
    const dialog = page.getByRole('alertdialog')
    await page.getByRole('button', { name: 'Revert all' }).click()
    await dialog.getByRole('checkbox', { name: /^Take a snapshot of what each has now first/ }).uncheck()
    await expect(dialog).toContainText('What was written since then is gone.')
    await dialog.getByRole('textbox', { name: /^Type both-files/ }).fill('both-files')
    await dialog.getByRole('button', { name: 'Revert 2 volumes' }).click()
    await expect(dialog).toHaveCount(0)
    for (const name of ['files', 'logs']) await becomes(tenant, name, 'Available')

    await page.getByRole('button', { name: 'Clone all' }).click()
    const clone = form(page, 'Clone all of one instant')
    await clone.getByRole('textbox', { name: /^Called by/ }).fill('copy')
    await expect(clone).toContainText('files-copy, logs-copy')
    await analyzeInBothThemes(page, 'before an instant is cloned')
    await clone.getByRole('button', { name: 'Create 2 volumes' }).click()
    await expect(page.getByRole('row', { name: /^files-copy/ })).toBeVisible()
    await expect(page.getByRole('row', { name: /^logs-copy/ })).toBeVisible()
    for (const name of ['files-copy', 'logs-copy']) await becomes(tenant, name, 'Available')

    await page.goto(`/t/${slug}/volume-snapshots/both-files`)
    await page.getByRole('button', { name: 'Delete all' }).click()
    await expect(dialog).toContainText('2 snapshots go: both-files, both-logs.')
    await expect(dialog).toContainText('2 volumes made of them keep all that they have: files-copy, logs-copy.')
    await dialog.getByRole('button', { name: 'Delete 2 snapshots' }).click()
    await expect(page).toHaveURL(new RegExp(`/t/${slug}/volume-snapshots$`))
    await expect(page.getByRole('row', { name: /^both-/ })).toHaveCount(0, { timeout: VOLUME_MS })
  })
})

test('a store goes with what lies on disks of lost hosts once an operator says that nobody will remove it', async ({ page, tenant }) => {
  const name = `gone-${tenant.slug}`.slice(0, 60)
  await signInByRequest(page.context(), installation.operator)
  const database = await connectToDatabase()
  try {
    await database.query(`with store as (insert into "VolumeStore" ("uid", "name", "spec") values (gen_random_uuid(), $1, '{"kind": "file", "shared": false}') returning "uid"),
      host as (insert into "Host" ("id", "name", "publicKey", "lostAt") values (gen_random_uuid(), $1, $1, now()) returning "id")
      insert into "LostRemoval" ("uid", "kind", "tenantId", "name", "storeId", "hostId", "epoch") select gen_random_uuid(), 'volume', $2, 'data', store."uid", host."id", 2 from store, host`, [name, tenant.id])
    await page.goto(`/system/volume-stores/${name}`)
    await expect(page.getByText(`on disks of lost hosts: ${name}`)).toBeVisible()
    await page.getByRole('button', { name: `More actions for ${name}` }).click()
    await page.getByRole('menuitem', { name: 'Delete volume store' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('1 volume or snapshot that tenants removed for good lies in it still')
    await expect(dialog.getByRole('link', { name })).toBeVisible()
    await expect(dialog.getByRole('button', { name: 'Delete volume store' })).toHaveAttribute('aria-disabled', 'true')
    await dialog.getByRole('checkbox', { name: /^Forget what lies on disks of lost hosts/ }).check()
    await expect(dialog).toContainText('Nobody removes it any more')
    await analyzeInBothThemes(page, 'before removals are forgotten')
    await dialog.getByRole('textbox', { name: /^Type/ }).fill(name)
    await dialog.getByRole('button', { name: 'Delete volume store' }).click()
    await expect(page).toHaveURL(/\/system\/volume-stores$/)
    await expect(page.getByRole('row', { name: new RegExp(name) })).toHaveCount(0)
  } finally {
    await database.query('delete from "Host" where "name" = $1', [name])
    await database.query('delete from "VolumeStore" where "name" = $1', [name])
    await database.end()
  }
})

test('a snapshot of a claim waits until the volume is made by its first pod, and says so', async ({ console: page, tenant }) => {
  test.slow()
  const { api, slug } = tenant
  const apply = async (yaml: string) => (await api['manifest.apply'].mutate({ tenant: slug, yaml })).results.flatMap(({ problems }) => problems.map(({ message }) => message))
  expect(await apply('apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: logs}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}\n')).toEqual([])
  await expect.poll(async () => (await api.volumeClaim.get.query({ tenant: slug, name: 'logs' })).status.phase, { timeout: VOLUME_MS }).toBe('Bound')
  expect(await apply('apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: early}\nspec: {source: {persistentVolumeClaimName: logs}}\n')).toEqual([])
  await page.goto(`/t/${slug}/volume-snapshots/early`)
  await expect(page.getByText(/is not made yet, .* the snapshot is taken once it is\./).first()).toBeVisible()
  await analyzeInBothThemes(page, 'a snapshot that waits for its volume')
  await api.pod.create.mutate({ tenant: slug, namespace: 'default', name: 'one', spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: sampleImage, volumeMounts: [{ name: 'logs', mountPath: '/logs' }] }], volumes: [{ name: 'logs', persistentVolumeClaim: { claimName: 'logs' } }] } })
  await expect(page.getByText('Ready', { exact: true }).first()).toBeVisible({ timeout: VOLUME_MS })
  expect((await api.volumeSnapshot.get.query({ tenant: slug, name: 'early' })).status).toMatchObject({ phase: 'Ready', reason: '', message: '', sizeBytes: 2 ** 26 })
})

test('a schedule that this version cannot read stands among the others with why, and is written anew or deleted', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  const spec = { volumes: { names: ['data'] }, every: '1d', keep: { daily: 7 } }
  for (const name of ['nightly', 'newer']) await api.snapshotSchedule.create.mutate({ tenant: slug, name, spec })
  const database = await connectToDatabase()
  const spoil = () => database.query('update "SnapshotSchedule" set "spec" = "spec" || $3::jsonb where "tenantId" = $1 and "name" = $2', [tenant.id, 'newer', JSON.stringify({ suspended: { until: '2027-01-01' } })])
  try {
    await spoil()
    await page.goto(`/t/${slug}/snapshot-schedules`)
    await expect(page.getByRole('row', { name: /^nightly.*Every day/ })).toBeVisible()
    const row = page.getByRole('row', { name: /^newer/ })
    await expect(row.getByText('Cannot be read', { exact: true })).toBeVisible()
    await expect(row).toContainText('spec.suspended: must be true or false')
    await analyzeInBothThemes(page, 'a list with a schedule that cannot be read')
    await page.getByRole('link', { name: 'newer', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'newer', level: 1 })).toBeVisible()
    await expect(page.getByText(/cannot be read by this version of Hypernetes \(spec\.suspended: must be true or false\)/)).toBeVisible()
    await analyzeInBothThemes(page, 'a schedule that cannot be read')
    await page.getByRole('link', { name: 'Edit YAML' }).click()
    await expect(page.locator('.cm-content')).toContainText('until:')
    await api.snapshotSchedule.update.mutate({ tenant: slug, name: 'newer', spec })
    await page.goto(`/t/${slug}/snapshot-schedules/newer`)
    await expect(page.getByText('Active', { exact: true })).toBeVisible()
    await spoil()
    await page.reload()
    await page.getByRole('button', { name: 'Delete schedule' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('Snapshots that it has taken stay')
    await dialog.getByRole('button', { name: 'Delete schedule' }).click()
    await expect(page).toHaveURL(new RegExp(`/t/${slug}/snapshot-schedules$`))
    await expect(page.getByRole('row', { name: /^nightly/ })).toBeVisible()
    await expect(page.getByRole('row', { name: /^newer/ })).toHaveCount(0)
  } finally {
    await database.end()
  }
})
