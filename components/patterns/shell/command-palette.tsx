'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Command } from 'cmdk'
import { Box, HardDrive, Keyboard, Moon, Plus, Search, Sun, UserRound } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState, type ReactNode } from 'react'
import type { MeView } from '@/domain/account/view'
import type { TenantSummary } from '@/domain/tenant/view'
import { useOfferedActions, type Action } from '@/components/client/actions'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { setTheme } from '@/components/client/theme'
import { useTRPC } from '@/components/client/trpc'
import { Modal } from '@/components/ui/dialog'
import { Kbd } from '@/components/ui/kbd'
import { placesOf } from './navigation'
import type { NavigationGroup } from './sidebar'

type PaletteProps = { me: MeView; tenant: TenantSummary | undefined; groups: readonly NavigationGroup[]; onClose: () => void; onShortcuts: () => void }

/** ⌘K: pods and volumes by name, the page's actions, every place of the console. */
export function CommandPalette({ me, tenant, groups, onClose, onShortcuts }: PaletteProps) {
  const router = useRouter()
  const trpc = useTRPC()
  const offered = useOfferedActions()
  const [text, setText] = useState('')
  const typed = text.trim()
  const volumes = useQuery({
    ...trpc.volume.list.queryOptions({ tenant: tenant?.slug ?? '', limit: 5, search: typed }),
    enabled: tenant !== undefined && typed !== '',
    placeholderData: keepPreviousData,
  })
  const pods = useQuery({
    ...trpc.pod.list.queryOptions({ tenant: tenant?.slug ?? '', limit: 8, ...(typed && { search: typed }) }),
    enabled: tenant !== undefined,
    placeholderData: keepPreviousData,
  })
  const go = (href: string) => { onClose(); router.push(href) }
  const perform = (action: Action) => {
    onClose()
    if (action.href) router.push(action.href)
    else action.run?.()
  }
  return (
    <Modal onClose={onClose} label="Search and run commands" className="mx-auto mt-[12vh] w-[calc(100vw-32px)] max-w-150">
      <Command label="Commands" loop className="animate-rise overflow-hidden rounded-lg border border-stroke-strong bg-overlay shadow-overlay">
        <div className="flex items-center gap-2.5 border-b border-stroke px-4">
          <Search className="size-4 text-faint" aria-hidden />
          <Command.Input data-autofocus value={text} onValueChange={setText} placeholder="Search pods, volumes, places and commands" className="h-12 w-full bg-transparent text-base outline-none" />
          <Kbd>Esc</Kbd>
        </div>
        <Command.List className="max-h-[52vh] overflow-y-auto p-1.5">
          <Command.Empty className="px-3 py-10 text-center text-sm text-faint">No results for “{text}”</Command.Empty>
          {offered.map((group) => (
            <Group key={group.title} title={group.title}>
              {group.actions.filter((action) => action.disabledReason === undefined).map((action) => <Item key={action.id} id={`action ${action.label} ${action.id}`} icon={action.icon} onSelect={() => perform(action)}>{action.label}</Item>)}
            </Group>
          ))}
          {pods.data && pods.data.items.length > 0 && tenant && (
            <Group title="Pods">
              {pods.data.items.map(({ metadata: { uid, namespace, name } }) => (
                <Item key={uid} id={`pod ${name} ${namespace} ${uid}`} icon={<Box />} hint={namespace} onSelect={() => go(paths.pod(tenant.slug, namespace, name))}>{name}</Item>
              ))}
            </Group>
          )}
          {typed !== '' && volumes.data && volumes.data.items.length > 0 && tenant && (
            <Group title="Volumes">
              {volumes.data.items.map(({ metadata: { uid, name }, status }) => <Item key={uid} id={`volume ${name} ${uid}`} icon={<HardDrive />} hint={formatBytes(status.sizeBytes)} onSelect={() => go(paths.volume(tenant.slug, name))}>{name}</Item>)}
            </Group>
          )}
          {tenant && (
            <Group title="Create">
              <Item id="create pod" icon={<Plus />} onSelect={() => go(paths.newPod(tenant.slug))}>Create pod</Item>
              <Item id="create pod from yaml" icon={<Plus />} onSelect={() => go(paths.newPod(tenant.slug, { as: 'yaml' }))}>Create pod from YAML</Item>
              <Item id="apply yaml manifest" icon={<Plus />} onSelect={() => go(paths.applyYaml(tenant.slug))}>Apply YAML</Item>
              <Item id="create configmap config map" icon={<Plus />} onSelect={() => go(paths.newConfigMap(tenant.slug))}>Create ConfigMap</Item>
              <Item id="create secret" icon={<Plus />} onSelect={() => go(paths.newSecret(tenant.slug))}>Create Secret</Item>
              <Item id="create service" icon={<Plus />} onSelect={() => go(paths.newService(tenant.slug))}>Create service</Item>
              <Item id="create load balancer ingress" icon={<Plus />} onSelect={() => go(paths.newLoadBalancer(tenant.slug))}>Create balancer</Item>
              <Item id="create volume disk" icon={<Plus />} onSelect={() => go(paths.newVolume(tenant.slug))}>Create volume</Item>
              <Item id="create claim volume persistentvolumeclaim" icon={<Plus />} onSelect={() => go(paths.newVolumeClaim(tenant.slug))}>Create claim</Item>
              <Item id="create snapshot schedule" icon={<Plus />} onSelect={() => go(paths.newSnapshotSchedule(tenant.slug))}>Create snapshot schedule</Item>
              <Item id="create network" icon={<Plus />} onSelect={() => go(paths.newNetwork(tenant.slug))}>Create network</Item>
              <Item id="create namespace" icon={<Plus />} onSelect={() => go(paths.newNamespace(tenant.slug))}>Create namespace</Item>
              <Item id="create token" icon={<Plus />} onSelect={() => go(paths.newToken(tenant.slug))}>Create API token</Item>
            </Group>
          )}
          {groups.map((group) => (
            <Group key={group.id} title={`Go to · ${group.title}`}>
              {placesOf(group.destinations).map(({ id, label, href, icon: Icon, shortcut }) => <Item key={id} id={`go ${group.id} ${label}`} icon={<Icon />} hint={shortcut} onSelect={() => go(href)}>{label}</Item>)}
            </Group>
          ))}
          {me.tenants.length > 1 && (
            <Group title="Switch tenant">
              {me.tenants.map((each) => <Item key={each.id} id={`tenant ${each.name} ${each.slug}`} hint={each.slug} onSelect={() => go(paths.pods(each.slug))}>{each.name}</Item>)}
            </Group>
          )}
          <Group title="Console">
            <Item id="account settings sessions password" icon={<UserRound />} onSelect={() => go(paths.account())}>Account</Item>
            <Item id="theme light" icon={<Sun />} onSelect={() => { setTheme('light'); onClose() }}>Use the light theme</Item>
            <Item id="theme dark" icon={<Moon />} onSelect={() => { setTheme('dark'); onClose() }}>Use the dark theme</Item>
            <Item id="keyboard shortcuts" icon={<Keyboard />} hint="?" onSelect={onShortcuts}>Show shortcuts</Item>
          </Group>
        </Command.List>
      </Command>
    </Modal>
  )
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return <Command.Group heading={title} className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:pt-2.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-faint">{children}</Command.Group>
}

function Item({ id, icon, hint, onSelect, children }: { id: string; icon?: ReactNode; hint?: string | undefined; onSelect: () => void; children: ReactNode }) {
  return (
    <Command.Item value={id} onSelect={onSelect} className="flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover [&_svg]:size-4 [&_svg]:text-faint">
      {icon ?? <span className="size-4" />}
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {hint && <span className="text-xs text-faint">{hint}</span>}
    </Command.Item>
  )
}
