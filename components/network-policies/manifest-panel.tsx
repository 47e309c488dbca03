'use client'
import type { NetworkPolicyDetail } from '@/domain/network-policy/view'
import { writeManifest } from '@/domain/manifest/write'
import { paths } from '@/components/client/paths'
import { ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { Panel } from '@/components/ui/panel'

/** The policy as a manifest to keep. A file of its own: what writes YAML is loaded when it is shown. */
export function ManifestPanel({ tenant, policy: { metadata: { name, namespace, labels, annotations }, spec } }: { tenant: string; policy: NetworkPolicyDetail }) {
  return (
    <Panel title="Manifest" actions={<ButtonLink size="sm" href={paths.applyYaml(tenant, { from: `NetworkPolicy/${namespace}/${name}` })}>Edit as YAML</ButtonLink>}>
      <CodeBlock label={`Manifest of ${name}`} code={writeManifest('NetworkPolicy', { name, namespace, labels, annotations }, spec)} />
    </Panel>
  )
}
