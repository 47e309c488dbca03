import { installation } from './fixtures/installation'
import { createPod, runIn, runPod, waitForPod, waitUntilRunning } from './fixtures/pods'
import { processOf, vmOf } from './fixtures/processes'
import { expect, test } from './fixtures/test'

/** Kills one of the installation's processes and waits until the supervisor has another one up. */
async function killProcess(name: 'web' | 'control' | 'host'): Promise<void> {
  const before = processOf(name)
  if (before === undefined) throw new Error(`no process ${name} runs below the installation's supervisor`)
  const said = installation.log().length
  process.kill(before, 'SIGKILL')
  await expect.poll(() => [undefined, before].includes(processOf(name)), { timeout: 60_000, message: `another ${name}` }).toBe(false)
  const notice = new RegExp(`^${name} +\\| -- was ended by SIGKILL; it is started again in `, 'm')
  expect(installation.log().slice(said)).toMatch(notice)
}

test('a pod outlives the web, control and host processes, and the console recovers', async ({ console: page, tenant }) => {
  test.setTimeout(400_000)
  const pod = await runPod(tenant, { name: 'steady' })
  const machine = vmOf(pod.metadata.uid)
  expect(machine).toHaveLength(1)
  await page.goto(`/t/${tenant.slug}/pods/default/steady`)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()

  await test.step('web', async () => {
    await killProcess('web')
    await expect(page.getByText(/^Reconnecting/)).toBeVisible()
    await expect(page.getByText('Live', { exact: true })).toBeVisible({ timeout: 60_000 })
  })

  await test.step('host', async () => {
    await killProcess('host')
    const answers = async () => (await runIn(tenant, pod.metadata, 'hostname').catch(() => null))?.stdout.trim() ?? ''
    await expect.poll(answers, { timeout: 120_000, intervals: [500, 1_000] }).toBe('steady')
    expect(vmOf(pod.metadata.uid)).toEqual(machine)
  })

  await test.step('control', async () => {
    await killProcess('control')
    await waitUntilRunning(tenant, await createPod(tenant, { name: 'after' }))
  })

  await test.step('nothing happened to the pod', async () => {
    const now = await waitForPod(tenant, pod.metadata, (each) => each.status.phase === 'Running')
    expect(now.status.containers).toMatchObject([{ state: 'Running', restartCount: 0, startedAt: pod.status.containers[0]?.startedAt }])
    expect(vmOf(pod.metadata.uid)).toEqual(machine)
    await page.getByRole('button', { name: 'Delete pod' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete pod' }).click()
    await expect(page.getByText('This pod is gone')).toBeVisible({ timeout: 60_000 })
    await expect.poll(() => machine.some((pid) => vmProcessExists(pid))).toBe(false)
  })
})

function vmProcessExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
