import type { Page } from '@playwright/test'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { analyzeInBothThemes } from './fixtures/axe'
import { connectToDatabase } from './fixtures/database'
import { installation } from './fixtures/installation'
import { expect, test } from './fixtures/test'
import { writeSnapshot } from './fixtures/volumes'

const GIB = 2 ** 30
const rowNames = (page: Page, table: string) => page.getByRole('table', { name: table, exact: true }).getByRole('rowheader')

/** Writes what a host would have said of a volume: no virtual machine need start for it. */
async function say({ id }: Tenant, name: string, { phase, storedBytes }: { phase: 'Ready' | 'Failed' | 'Absent'; storedBytes: number | null }): Promise<void> {
  const database = await connectToDatabase()
  try {
    await database.query('update "Volume" set "storedPhase" = $3, "storedBytes" = $4, "storedSizeBytes" = case when $4::bigint is null then null else "sizeBytes" end where "tenantId" = $1 and "name" = $2', [id, name, phase, storedBytes])
  } finally {
    await database.end()
  }
}

test('volumes, snapshots and claims are listed by their state, which stands in the address', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  for (const name of ['data-1', 'data-2', 'logs']) await api.volume.create.mutate({ tenant: slug, name, spec: { size: '1Gi' } })
  await say(tenant, 'data-1', { phase: 'Ready', storedBytes: GIB / 4 })
  await say(tenant, 'data-2', { phase: 'Failed', storedBytes: null })
  await writeSnapshot(tenant, { name: 'before', volume: 'data-1' })
  await api.volumeClaim.create.mutate({ tenant: slug, name: 'wanted', spec: { accessModes: ['ReadWriteOnce'], volumeName: 'nothing', resources: { requests: { storage: '1Gi' } } } })

  await test.step('volumes: by the words of their badges, with a search, over a reload', async () => {
    await page.goto(`/t/${slug}/volumes`)
    await expect(rowNames(page, 'Volumes')).toHaveText(['data-1', 'data-2', 'logs'])
    const state = page.getByRole('combobox', { name: 'State' })
    await state.selectOption('Failed')
    await expect(page).toHaveURL(/[?&]state=Failed/)
    await expect(rowNames(page, 'Volumes')).toHaveText(['data-2'])
    await page.reload()
    await expect(rowNames(page, 'Volumes')).toHaveText(['data-2'])
    await expect(state).toHaveValue('Failed')
    await analyzeInBothThemes(page, 'volumes of one state')
    await state.selectOption('Not made yet')
    await expect(rowNames(page, 'Volumes')).toHaveText(['logs'])
    await page.getByRole('textbox', { name: 'Filter by name' }).fill('data')
    await expect(page.getByText('No results for these filters')).toBeVisible()
    await page.getByRole('button', { name: 'Clear filters' }).first().click()
    await expect(rowNames(page, 'Volumes')).toHaveText(['data-1', 'data-2', 'logs'])
    await page.goBack()
    await expect(page.getByText('No results for these filters')).toBeVisible()
  })

  await test.step('snapshots and claims alike', async () => {
    await page.goto(`/t/${slug}/volume-snapshots?state=Ready`)
    await expect(rowNames(page, 'Snapshots')).toHaveText(['before'])
    await page.getByRole('combobox', { name: 'State' }).selectOption('Failed')
    await expect(page.getByText('No results for these filters')).toBeVisible()
    await page.goto(`/t/${slug}/volume-claims`)
    await page.getByRole('combobox', { name: 'State' }).selectOption('Pending')
    await expect(rowNames(page, 'Claims')).toHaveText(['wanted'])
    await page.getByRole('combobox', { name: 'State' }).selectOption('Bound')
    await expect(page.getByText('No results for these filters')).toBeVisible()
  })
})

test('operators see whose volumes fill a store, and set a quota from what is set and used', async ({ page, tenant }) => {
  const { api, slug } = tenant
  for (const name of ['large', 'small']) await api.volume.create.mutate({ tenant: slug, name, spec: { size: '4Gi' } })
  // More than any other journey's tenant has: it comes first.
  await say(tenant, 'large', { phase: 'Ready', storedBytes: 900 * GIB })
  try {
    await writeSnapshot(tenant, { name: 'before', volume: 'large' })
    await signInByRequest(page.context(), installation.operator)
    await page.goto('/system/volume-stores/local')
    const row = page.getByRole('table', { name: 'Tenants and what they have in this store' }).getByRole('row').nth(1)
    await expect(row.getByRole('cell')).toHaveText([slug, '900 GiB', '8 GiB', '900 GiB of 8 GiB in 2 volumes', '1 MiB of 4 GiB in 1 snapshot', '—'])
    await analyzeInBothThemes(page, 'whose volumes fill a store')

    await row.getByRole('link', { name: slug }).click()
    const form = page.getByRole('dialog', { name: 'Set quota' })
    const volumes = form.getByRole('textbox', { name: 'Volumes' })
    await expect(volumes).toBeFocused()
    await expect(volumes).toHaveValue('')
    await expect(form).toContainText('2 volumes in use. Empty: 100 volumes, as the platform’s setting says.')
    await volumes.fill('1')
    await form.getByRole('textbox', { name: 'Size of all together' }).fill('1.5Ti')
    await expect(form).toContainText('Less than in use, by 1 volume: nothing is removed, but no volume is made until it has less than that.')
    await analyzeInBothThemes(page, 'a quota below what is in use')
    await form.getByRole('button', { name: 'Set quota' }).click()
    await expect(form).toHaveCount(0)
    await page.getByRole('link', { name: 'Set quota' }).click()
    await form.getByRole('textbox', { name: 'Tenant' }).fill('no-such-tenant')
    await form.getByRole('button', { name: 'Show quota' }).click()
    await expect(form.getByRole('alert')).toContainText('no-such-tenant')
    await form.getByRole('textbox', { name: 'Tenant' }).fill(slug)
    await form.getByRole('button', { name: 'Show quota' }).click()
    await expect(volumes).toHaveValue('1')
    await expect(form.getByRole('textbox', { name: 'Size of all together' })).toHaveValue('1536Gi')
    await expect(page).toHaveURL(new RegExp(`/system/volume-quota\\?tenant=${slug}$`))
    await expect(api.volume.create.mutate({ tenant: slug, name: 'third', spec: { size: '1Gi' } })).rejects.toThrow(/quota|volumes/)
  } finally {
    // Else the tenant of a second try would not come first.
    await say(tenant, 'large', { phase: 'Absent', storedBytes: null })
  }
})
