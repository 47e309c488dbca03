import { createHash } from 'node:crypto'
import { isUnpackedModule, type GuestPackage, type Inventory } from '@/guest/image/inventory'
import { licenceExpression } from '@/guest/image/licences'

/** A file of the image: its path in the guest, the kernel as `vmlinuz`. */
export interface ImageFile {
  path: string
  content: Uint8Array
}

/** A package of npm whose code is in the agent's one file. */
export interface BundledPackage {
  name: string
  version: string
  licence: string
}

export interface SbomParts {
  /** The image's. */
  version: string
  inventory: Inventory
  /** All regular files, those of no Debian package included: they are the project's own. */
  files: readonly ImageFile[]
  agentVersion: string
  bundled: readonly BundledPackage[]
}

/** Where an image's list of packages lies, beside its kernel. */
export const sbomFile = 'sbom.spdx.json'

const imageId = 'SPDXRef-image'
const agentId = 'SPDXRef-agent'
const idOf = (kind: string, name: string) => `SPDXRef-${kind}-${name.replace(/[^A-Za-z0-9.-]/g, '-')}`
const hex = (algorithm: string, content: Uint8Array) => createHash(algorithm).update(content).digest('hex')
const unknown = { downloadLocation: 'NOASSERTION', filesAnalyzed: false, licenseConcluded: 'NOASSERTION', copyrightText: 'NOASSERTION' }
const purl = (locator: string) => ({ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: locator })

function debianPackage(one: GuestPackage, suite: string): object {
  const names = one.licences.join('; ')
  return {
    SPDXID: idOf('deb', one.name),
    name: one.name,
    versionInfo: one.version,
    supplier: one.maintainer === '' ? 'NOASSERTION' : `Person: ${one.maintainer}`,
    ...unknown,
    ...(one.homepage === '' ? {} : { homepage: one.homepage }),
    licenseDeclared: licenceExpression(one.licences),
    licenseComments: names === '' ? 'Its copyright file is not machine-readable.' : `Its copyright file names: ${names}`,
    sourceInfo: `built from the Debian source package ${one.source} ${one.sourceVersion}`,
    checksums: [{ algorithm: 'SHA256', checksumValue: one.sha256 }],
    externalRefs: [purl(`pkg:deb/debian/${one.name.replaceAll('+', '%2B')}@${encodeURIComponent(one.version)}?arch=${one.architecture}&distro=${suite}`)],
  }
}

const npmPackage = (one: BundledPackage) => ({
  SPDXID: idOf('npm', one.name),
  name: one.name,
  versionInfo: one.version,
  ...unknown,
  licenseDeclared: one.licence,
  externalRefs: [purl(`pkg:npm/${one.name.replace('@', '%40')}@${one.version}`)],
})

function fileEntry({ path, content }: ImageFile): object {
  return {
    SPDXID: idOf('file', path),
    fileName: `./${path}`,
    checksums: ['sha1', 'sha256'].map((algorithm) => ({ algorithm: algorithm.toUpperCase(), checksumValue: hex(algorithm, content) })),
    licenseConcluded: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    ...(isUnpackedModule(path) ? { comment: 'decompressed from the package' } : {}),
  }
}

/**
 * The bill of materials of a guest image as SPDX 2.3: the Debian packages with exact versions, sources, licences as far as
 * they say them in SPDX's words, and checksums; what is bundled into the agent; and every file with the package it is of.
 * The same image gives the same document: its time is that of the packages' fetch.
 */
export function sbom({ version, inventory, files, agentVersion, bundled }: SbomParts): object {
  const relationship = (from: string, relationshipType: string, to: string) => ({ spdxElementId: from, relationshipType, relatedSpdxElement: to })
  const owners = new Map(inventory.packages.flatMap((one) => one.files.map((path) => [path, idOf('deb', one.name)] as const)))
  const parts = [...inventory.packages.map((one) => idOf('deb', one.name)), agentId]
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `hypernetes-guest-${version}`,
    documentNamespace: `urn:hypernetes:guest-image:${version}`,
    creationInfo: { created: inventory.fetchedAt, creators: ['Tool: hypernetes-guest-image'] },
    packages: [
      { SPDXID: imageId, name: 'hypernetes-guest-image', versionInfo: version, ...unknown, licenseDeclared: 'NOASSERTION' },
      ...inventory.packages.map((one) => debianPackage(one, inventory.suite)),
      { SPDXID: agentId, name: 'hypernetes-guest-agent', versionInfo: agentVersion, ...unknown, licenseDeclared: 'Apache-2.0' },
      ...bundled.map(npmPackage),
    ],
    files: files.map(fileEntry),
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', imageId),
      ...parts.map((id) => relationship(imageId, 'CONTAINS', id)),
      ...bundled.map((one) => relationship(agentId, 'CONTAINS', idOf('npm', one.name))),
      ...files.map(({ path }) => relationship(owners.get(path) ?? agentId, 'CONTAINS', idOf('file', path))),
    ],
  }
}
