import { signInByRequest } from './fixtures/accounts'
import { analyzeInBothThemes } from './fixtures/axe'
import { installation } from './fixtures/installation'
import { createPod, deleteAllPods, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

/** The first figures come with the second round after the start. */
const measuredMs = 150_000

const milliseconds = (text: string | null) => Number((text ?? '').replace(/[^\d]/g, ''))

test('a pod that burns CPU shows on its graphs and in top, and its start adds up', async ({ console: page, tenant }) => {
  test.slow()
  const idle = await createPod(tenant, { name: 'idle' })
  // It rests between, for who measures needs the processors too.
  const busy = await createPod(tenant, { name: 'busy', container: { command: ['sh', '-c', 'while :; do i=0; while [ $i -lt 8000 ]; do i=$((i + 1)); done; sleep 0.1; done'] } })
  await Promise.all([waitUntilRunning(tenant, idle), waitUntilRunning(tenant, busy)])
  const pod = `/t/${tenant.slug}/pods/default/busy`

  await test.step('the parts of its start are the whole, as they are shown', async () => {
    await page.goto(pod)
    const parts = page.getByRole('list', { name: 'Parts of the start', exact: true })
    await expect(parts).toBeVisible()
    const shown = (await parts.locator('[data-part]').allTextContents()).map(milliseconds)
    const whole = milliseconds(await page.locator('[data-whole]').textContent())
    expect(shown.length).toBeGreaterThan(2)
    expect(whole).toBeGreaterThan(0)
    expect(shown.reduce((sum, ms) => sum + ms, 0)).toBe(whole)
    await expect(parts.getByText('Virtual machine')).toBeVisible()
  })

  await test.step('what it burns is measured, and most of it is its container’s', async () => {
    await expect.poll(async () => {
      const { times, containers, vm } = await tenant.api.figures.pod.query({ tenant: tenant.slug, ...busy, range: '1h' })
      const cpu = Math.min(containers[0]?.cpu.at(-1) ?? 0, vm.cpu.at(-1) ?? 0)
      return times.length >= 2 && cpu > 0.1 ? 'busy' : JSON.stringify({ times, cpu })
    }, { timeout: measuredMs, intervals: [1000] }).toBe('busy')
    const figures = await tenant.api.figures.pod.query({ tenant: tenant.slug, ...busy, range: '1h' })
    expect(figures.containers.map((each) => each.name)).toEqual(['main'])
    expect(figures.vm.memoryBytes.at(-1)).toBeGreaterThan(8 << 20)
    expect(figures.containers[0]?.memoryBytes.at(-1)).toBeGreaterThan(10_000)
    expect(figures.vm.receivedBytesPerSecond.at(-1)).not.toBeNull()
    // Measuring itself must not be what keeps a pod busy.
    const atRest = async () => (await tenant.api.figures.pod.query({ tenant: tenant.slug, ...idle, range: '1h' })).vm.cpu.slice(-2)
    await expect.poll(async () => (await atRest()).map((cpu) => (cpu ?? 1) < 0.1), { timeout: measuredMs }).toEqual([true, true])
  })

  await test.step('the graphs show it, with a table, a crosshair and the range in the address', async () => {
    await page.goto(`${pod}/figures`)
    const cpu = page.getByRole('region', { name: /^CPU/ })
    await expect(cpu.getByText('VM overhead')).toBeVisible()
    await expect(cpu.getByText('Size of the VM')).toBeVisible()
    for (const title of ['Memory', 'Network', 'Disk']) await expect(page.getByRole('region', { name: new RegExp(`^${title}`) }).first()).toBeVisible()
    await expect(cpu.getByText('Latest')).toBeVisible()
    // What stands below stays where it is while the pointer comes and goes: else a press would miss it.
    const below = () => cpu.locator('details').evaluate((element) => element.getBoundingClientRect().top + window.scrollY)
    const resting = await below()
    await cpu.getByRole('img').hover()
    await expect(cpu.getByText('Latest')).toBeHidden()
    expect(await below()).toBe(resting)
    await cpu.getByText('Show values').click()
    const rows = cpu.getByRole('table', { name: 'CPU' }).getByRole('row')
    await expect(rows.first()).toContainText('main')
    await expect(rows.nth(1)).toContainText('vCPU')
    await analyzeInBothThemes(page, 'figures')
    await page.getByText('30d', { exact: true }).click()
    await expect(page).toHaveURL(/range=30d/)
    await expect(rows).toHaveCount(2)
    await page.reload()
    await expect(page.getByRole('radio', { name: '30d' })).toBeChecked()
    await page.goBack()
    await expect(page.getByRole('radio', { name: '1h' })).toBeChecked()
  })

  await test.step('top has it first', async () => {
    await page.goto(`/t/${tenant.slug}/top`)
    const table = page.getByRole('table', { name: 'Pods by use' })
    await expect(table.getByRole('row')).toHaveCount(3, { timeout: measuredMs })
    await expect(table.getByRole('row').nth(1)).toContainText('busy')
    await analyzeInBothThemes(page, 'top')
    await table.getByRole('button', { name: 'Name' }).click()
    await expect(page).toHaveURL(/sort=name&order=ascending/)
    await expect(table.getByRole('row').nth(1)).toContainText('busy')
    await expect(table.getByRole('row').nth(2)).toContainText('idle')
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Top and starts' }).click()
    await page.getByRole('navigation', { name: 'Top and starts' }).getByRole('link', { name: 'Starts' }).click()
    await expect(page.getByRole('table', { name: 'Starts' }).getByRole('row')).toHaveCount(2)
    await analyzeInBothThemes(page, 'starts')
  })

  await test.step('operators see it in the fleet, and Prometheus too', async () => {
    const operator = await page.context().browser()!.newContext({ baseURL: installation.url, reducedMotion: 'reduce' })
    const desk = await operator.newPage()
    await signInByRequest(operator, installation.operator)
    await desk.goto('/system/top')
    await expect(desk.getByRole('table', { name: 'Hosts by use' }).getByRole('row').nth(1)).toContainText('vCPU', { timeout: measuredMs })
    await analyzeInBothThemes(desk, 'system/top')
    await desk.getByText('Pods', { exact: true }).last().click()
    await expect(desk.getByRole('table', { name: 'Pods by use' })).toContainText(tenant.slug)
    await desk.goto('/system/starts')
    await expect(desk.getByRole('table', { name: 'Starts' })).toContainText('Median')
    await expect(desk.getByRole('table', { name: 'Starts' }).getByRole('row').nth(1)).toContainText(/\d m?s/)
    await analyzeInBothThemes(desk, 'system/starts')
    expect((await page.request.get('/metrics')).status()).toBe(404)
    const metrics = await (await desk.request.get('/metrics')).text()
    expect(metrics).toContain(`hypernetes_pod_cpu_cores{tenant="${tenant.slug}",namespace="default",pod="busy"`)
    expect(metrics).toMatch(/hypernetes_pod_start_seconds_count\{mode="(template|cold)"\} [1-9]/)
    await operator.close()
  })

  await test.step('a pod that was never measured says so, and one that does not exist is none', async () => {
    await createPod(tenant, { name: 'broken', container: { image: '127.0.0.1:9/app:1' } })
    await page.goto(`/t/${tenant.slug}/pods/default/broken/figures`)
    await expect(page.getByText('No figures of the last 1 hour')).toBeVisible()
    await page.goto(`/t/${tenant.slug}/pods/default/nothing/figures`)
    await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
    await deleteAllPods(tenant)
    // What was measured outlives the pod.
    const after = await tenant.api.figures.pod.query({ tenant: tenant.slug, ...busy, range: '1h' })
    expect(after.times.length).toBeGreaterThanOrEqual(2)
  })
})
