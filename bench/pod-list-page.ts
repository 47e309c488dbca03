import { chromium, type Browser } from '@playwright/test'
import { z } from 'zod'
import { signIn } from './first-load'
import { fillWithPods } from './many-pods'
import type { Bench } from './promise'
import { describeTimes, median } from './statistics'
import { withWebProcess } from './web-process'

const pods = 20_000
const rounds = 9
const person = { email: 'bench@example.com', password: 'the password of the bench' }
const arguments_ = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage']

/** How long a person waits for the list of many pods: from the address to a page whose rows answer to the keyboard. */
export const podListPage: Bench = {
  name: 'pod-list-page',
  title: 'The page of many pods',
  promises: [{ id: 'pod-list-page', text: `The list of ${pods.toLocaleString('en')} pods in Chromium, from the address to a row that answers a key (medians)`, unit: 'ms', atMost: 1000, digits: 0 }],
  run: (say) => withWebProcess(async ({ url, databaseUrl }) => {
    const tenant = await signUp(url)
    say(`making ${pods} pods of one tenant, and as many of others`)
    await fillWithPods(databaseUrl, tenant, pods)
    const cookie = await signIn(url)
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', chromiumSandbox: false, args: arguments_ })
    try {
      const list = `${url}/t/${tenant}/pods?limit=100`
      await load(browser, list, cookie)
      const times: number[] = []
      for (let i = 0; i < rounds; i++) times.push(await load(browser, list, cookie))
      say(`interactive after ${describeTimes(times)} ms`)
      return {
        values: { 'pod-list-page': median(times) },
        details: `A browser without anything cached opens the pod list with 100 rows a page, of ${pods.toLocaleString('en')} pods of its tenant and as many of others; ${rounds} times: ${describeTimes(times)} ms until a key
moves the focus to a row. The web process was asked for the page once before.`,
      }
    } finally {
      await browser.close()
    }
  }),
}

/** Milliseconds from the address to the first row that a key reaches, in a context of its own: nothing is cached. */
async function load(browser: Browser, address: string, cookie: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  try {
    await context.addCookies(cookie.split('; ').map((pair) => ({ name: pair.slice(0, pair.indexOf('=')), value: pair.slice(pair.indexOf('=') + 1), url: new URL(address).origin })))
    const page = await context.newPage()
    const begin = performance.now()
    await page.goto(address, { waitUntil: 'commit' })
    await page.locator('[data-row] a').first().waitFor()
    // Keys before the page's script runs go nowhere: pressed until one moves the focus.
    while (!(await page.evaluate(() => document.activeElement?.closest('[data-row]') !== null && document.activeElement !== document.body))) {
      if (performance.now() - begin > 30_000) throw new Error('no row took the focus within 30 s')
      await page.keyboard.press('j')
    }
    return performance.now() - begin
  } finally {
    await context.close()
  }
}

async function signUp(url: string): Promise<string> {
  const response = await fetch(`${url}/api/trpc/account.signUp`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...person, name: 'Bench', organization: 'Bench' }) })
  return z.object({ result: z.object({ data: z.object({ tenant: z.object({ slug: z.string() }) }) }) }).parse(await response.json()).result.data.tenant.slug
}
