import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { GuestImageState, guestImageStateFile } from '@/host/hypervisor/guest-images'
import type { Config } from '@/platform/config'
import { ok, warning, type Finding } from '@/tools/doctor/finding'

const Sbom = z.object({ packages: z.array(z.object({ name: z.string(), versionInfo: z.string() })) })

function read<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** "kernel 6.12.48-1, crun 1.21-1, quickjs …", of the image's bill of materials. */
function contents(sbom: string): string {
  const packages = read(sbom, Sbom)?.packages ?? []
  const version = (name: RegExp, title: string) => packages.filter((one) => name.test(one.name)).map((one) => `${title} ${one.versionInfo}`)
  return [...version(/^linux-image-/, 'kernel'), ...version(/^crun$/, 'crun'), ...version(/^quickjs$/, 'QuickJS')].join(', ')
}

const onOlder = (count: number) => (count === 1 ? '1 pod runs an older one' : `${count} pods run an older one`)

/** Which guest image this host's new VMs are of, and how many run an older one; before the first start there is none. */
export function guestImageFinding(config: Config): Finding {
  const subject = 'guest image'
  const state = read(join(config.data, 'host', guestImageStateFile), GuestImageState)
  if (!state) return ok(subject, 'none yet: the first start makes it')
  const { current, refused, running } = state
  const older = Object.entries(running).reduce((sum, [version, count]) => (version === current.version ? sum : sum + count), 0)
  const sbom = current.sbom ?? ''
  const words = sbom === '' ? [] : [contents(sbom), `all packages in ${sbom}`]
  const found = [current.version, ...words.filter((word) => word !== '')].join('; ')
  if (refused !== null) return warning(subject, `${found}; ${refused} did not boot`, 'New pods are of the image before. Look into the log of the host for why, or make another image: npm run guest:update')
  if (older > 0) return warning(subject, `${found}; ${onOlder(older)}`, 'They move over at their next start: start them anew where the update mends what they need mended.')
  return ok(subject, found)
}
