import { licenceOf, parseExpression } from './licences'
import type { LockedPackage } from './lockfile'

/** The package URL of a package of npm's registry. */
const purl = (name: string, version: string) => `pkg:npm/${name.replace('@', '%40')}@${version}`

/** SHA-512 in hexadecimal, as CycloneDX writes it, from the base64 of the lock. */
function hashes(integrity: string | undefined) {
  const base64 = /sha512-([A-Za-z0-9+/=]+)/.exec(integrity ?? '')?.[1]
  return base64 ? [{ alg: 'SHA-512', content: Buffer.from(base64, 'base64').toString('hex') }] : []
}

/**
 * What the project is made of on npm's side, as CycloneDX 1.6: each locked version once. It is made from the lock alone and
 * holds no time, so one lock gives one text. (`npm sbom` refuses the lock over optional packages of other platforms.)
 */
export function billOfMaterials(project: { name: string; version: string }, packages: readonly LockedPackage[]): string {
  const once = new Map(packages.map((each) => [purl(each.name, each.version), each]))
  // A version that is there twice belongs to the product when one of the two does.
  const shipped = new Set(packages.filter(({ development }) => !development).map(({ name, version }) => purl(name, version)))
  const components = [...once].sort(([a], [b]) => (a < b ? -1 : 1)).map(([url, each]) => ({
    type: 'library',
    'bom-ref': url,
    name: each.name,
    version: each.version,
    scope: shipped.has(url) ? (each.entry.optional ? 'optional' : 'required') : 'excluded',
    hashes: hashes(each.entry.integrity),
    licenses: parseExpression(licenceOf(each)) ? [{ expression: licenceOf(each).replace(/ (and|or) /g, (word) => word.toUpperCase()) }] : [],
    purl: url,
  }))
  const bill = { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component: { type: 'application', 'bom-ref': purl(project.name, project.version), ...project } }, components }
  return `${JSON.stringify(bill, null, 2)}\n`
}
