'use client'
import { Box, FileCode2, Plus } from 'lucide-react'
import { paths } from '@/components/client/paths'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { RunSample } from './run-sample'

/** A tenant's list before its first pod: what to begin with. */
export function NoPods({ tenant }: { tenant: string }) {
  return (
    <EmptyState
      icon={<Box />}
      title="No pods yet"
      actions={(
        <>
          <ButtonLink variant="primary" href={paths.newPod(tenant)} icon={<Plus className="size-4" />}>Create pod</ButtonLink>
          <RunSample tenant={tenant} />
          <ButtonLink href={paths.newPod(tenant, { as: 'yaml' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink>
        </>
      )}
    >
      A pod is one or more containers that share a virtual machine, an address and their fate. The sample serves a page and needs no registry.
    </EmptyState>
  )
}
