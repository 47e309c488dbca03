'use client'
import type { ParsedDocument } from '@/domain/manifest/parse'
import { hostOverheadMiB, podSize } from '@/domain/pod/size'
import { formatCount, formatMebibytes, formatVcpus, NOTHING } from '@/components/client/formats'
import { Properties, Property } from '@/components/patterns/properties'
import { Panel } from '@/components/ui/panel'

/** What the draft would take: the size of each virtual machine, with its overhead. */
export function VmPreview({ documents }: { documents: readonly ParsedDocument[] }) {
  const pods = documents.flatMap(({ object }) => (object?.kind === 'Pod' ? [podSize(object.spec)] : []))
  const memory = pods.reduce((sum, size) => sum + size.memoryMiB, 0)
  const vcpus = pods.reduce((sum, size) => sum + size.vcpus, 0)
  const known = pods.length > 0
  return (
    <Panel title={pods.length > 1 ? `${formatCount(pods.length, 'virtual machine')}` : 'Virtual machine'}>
      <Properties>
        <Property name="Processors">{known ? formatVcpus(vcpus) : NOTHING}</Property>
        <Property name="Memory">{known ? formatMebibytes(memory) : NOTHING}</Property>
        <Property name="On the host">{known ? formatMebibytes(memory + hostOverheadMiB * pods.length) : NOTHING}</Property>
      </Properties>
      <p className="mt-3 text-xs text-faint">Memory is the containers’ limits and the guest’s own needs, rounded up to a size. On the host the hypervisor takes {formatMebibytes(hostOverheadMiB)} beside it.</p>
    </Panel>
  )
}
