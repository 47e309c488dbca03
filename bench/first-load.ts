import { gzipSync } from 'node:zlib'
import { startInstallation } from './installation'
import type { Bench } from './promise'

export const firstLoad: Bench = {
  name: 'first-load',
  title: 'First load of the console',
  promises: [{ id: 'first-load', text: 'First load of the pod list: compressed JavaScript', unit: 'kB', atMost: 200, digits: 1 }],
  run: async (say) => ({
    values: { 'first-load': (await firstLoadOfPodList(say)) / 1000 },
    details: 'What the HTML of the pod list names, signed in, gzip level 6.',
  }),
}

/**
 * Bytes of JavaScript, gzip level 6, that the browser must load for the pod list: what the page's own HTML names. Taken
 * from a running installation, signed in as a browser is.
 */
async function firstLoadOfPodList(say: (line: string) => void): Promise<number> {
  const at = await startInstallation('console', {})
  try {
    const cookie = await signIn(at.url)
    const html = await (await fetch(`${at.url}/t/${at.tenant}/pods`, { headers: { cookie } })).text()
    // A browser of this decade does not load what is marked nomodule.
    const tags = (html.match(/<(?:script|link)\b[^>]*>/g) ?? []).filter((tag) => !/\bnomodule\b/i.test(tag))
    const scripts = [...new Set(tags.flatMap((tag) => /(?:src|href)="(\/_next\/static\/[^"?]+\.js)/.exec(tag)?.[1] ?? []))]
    if (scripts.length === 0) throw new Error('the pod list names no scripts: was the browser signed in?')
    let total = 0
    for (const path of scripts) {
      const body = Buffer.from(await (await fetch(`${at.url}${path}`)).arrayBuffer())
      total += gzipSync(body).length
    }
    say(`first load of the pod list: ${scripts.length} scripts, ${total} bytes`)
    return total
  } finally {
    await at.stop()
  }
}

export async function signIn(url: string): Promise<string> {
  const jar = new Map<string, string>()
  const keep = (response: Response) => {
    for (const line of response.headers.getSetCookie()) jar.set(line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1, line.indexOf(';') < 0 ? undefined : line.indexOf(';')))
    return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  }
  const csrf = await fetch(`${url}/api/auth/csrf`)
  const cookie = keep(csrf)
  const { csrfToken } = (await csrf.json()) as { csrfToken: string }
  const body = new URLSearchParams({ csrfToken, email: 'bench@example.com', password: 'the password of the bench', json: 'true' })
  return keep(await fetch(`${url}/api/auth/callback/credentials`, { method: 'POST', headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' }, body, redirect: 'manual' }))
}
