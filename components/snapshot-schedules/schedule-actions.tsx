'use client'
import { Eye, FileCode2, Pencil, Trash2 } from 'lucide-react'
import type { SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'
import { scheduleDraftOf } from './schedule-draft'

const unreadable = 'This version cannot read it, and a form neither: its YAML shows what stands in it.'

/** What can be done to a schedule, also to one that cannot be read. */
export function scheduleActionsFor(tenant: string, schedule: { metadata: { name: string }; spec: SnapshotScheduleSpec } | { metadata: { name: string }; problem: string }, onDelete: () => void): Action[] {
  const { name } = schedule.metadata
  const noForm = !('spec' in schedule) ? unreadable : scheduleDraftOf(name, schedule.spec) ? undefined : 'Its selector says more than a form can: edit its YAML.'
  return [
    { id: 'open', label: 'Show schedule', icon: <Eye className="size-4" />, href: paths.snapshotSchedule(tenant, name) },
    { id: 'edit', label: 'Edit schedule', icon: <Pencil className="size-4" />, href: paths.editSnapshotSchedule(tenant, name), disabledReason: noForm },
    { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `SnapshotSchedule/${name}` }) },
    { id: 'delete', label: 'Delete schedule', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
  ]
}
