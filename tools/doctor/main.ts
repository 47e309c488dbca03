import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { loadConfig, type Config } from '@/platform/config'
import { messageOf, ok, problem, type Finding } from '@/tools/doctor/finding'
import { guestImageFinding } from '@/tools/doctor/guest-image'
import { kernelFindings } from '@/tools/doctor/kernel'
import { acceleratorFinding, cgroupFinding, diskFinding, distributionFinding, memoryFinding, writableFinding } from '@/tools/doctor/machine'
import { addressFindings, forwardFindings, portFinding } from '@/tools/doctor/network'
import { report } from '@/tools/doctor/report'
import { secretFindings } from '@/tools/doctor/secrets'

/** Never shows the URL: it holds a password. */
async function databaseFindings(config: Config): Promise<Finding[]> {
  if (!config.databaseUrl) return []
  const client = new pg.Client({ connectionString: config.databaseUrl, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: number }>("select current_setting('server_version_num')::int / 10000 as version")
    const version = rows[0]?.version ?? 0
    return [version >= 14 ? ok('database', `PostgreSQL ${version}`) : problem('database', `PostgreSQL ${version}`, 'Version 14 or newer is needed.')]
  } catch (error) {
    return [problem('database', messageOf(error), 'DATABASE_URL names a PostgreSQL that does not answer.')]
  } finally {
    await client.end().catch(() => {})
  }
}

/** By which the links of this host are told from another's; before the first start there are none. */
function hostTagOf(config: Config): string {
  const file = join(config.data, 'host', 'tag')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'doctor'
}

/**
 * Looks at this machine and prints what keeps Hypernetes from running well, and what to do about it.
 * @param packages what tools/doctor.mjs found out without npm packages
 * @returns the exit code: 1 when there is a problem
 */
export async function main(packages: readonly Finding[]): Promise<number> {
  const config = loadConfig()
  const isRoot = process.getuid?.() === 0
  const hostTag = hostTagOf(config)
  const findings = [
    distributionFinding(),
    ...packages,
    ...(await kernelFindings(isRoot)),
    acceleratorFinding(config),
    await cgroupFinding(config),
    guestImageFinding(config),
    diskFinding(config.data),
    ...(await writableFinding(config.data, isRoot)),
    memoryFinding(),
    ...(await addressFindings(config, hostTag)),
    ...(await forwardFindings(hostTag)),
    await portFinding(config),
    ...(await databaseFindings(config)),
    ...secretFindings(config),
  ]
  const { text, exitCode } = report(findings)
  console.log(text)
  return exitCode
}
