'use client'
import { Eye, FileCode2, Pencil, Trash2 } from 'lucide-react'
import type { SnapshotScheduleView } from '@/domain/snapshot-schedule/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'
import { scheduleDraftOf } from './schedule-draft'

/** What can be done to a schedule. */
export const scheduleActionsFor = (tenant: string, { metadata: { name }, spec }: Pick<SnapshotScheduleView, 'metadata' | 'spec'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show schedule', icon: <Eye className="size-4" />, href: paths.snapshotSchedule(tenant, name) },
  { id: 'edit', label: 'Edit schedule', icon: <Pencil className="size-4" />, href: paths.editSnapshotSchedule(tenant, name), disabledReason: scheduleDraftOf(name, spec) ? undefined : 'Its selector says more than a form can: edit its YAML.' },
  { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `SnapshotSchedule/${name}` }) },
  { id: 'delete', label: 'Delete schedule', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
]
