import { tracked } from '@trpc/server'
import { z } from 'zod'
import { podView } from '@/domain/pod/view'
import { createPod, createPodInput } from '@/server/services/pods/create-pod'
import { deleteManyPods, deleteManyInput, deleteManyOutput } from '@/server/services/pods/delete-many-pods'
import { deletePod, deletePodInput, podReference } from '@/server/services/pods/delete-pod'
import { getPod, listPods, listPodsInput, listPodsOutput } from '@/server/services/pods/read-pods'
import { listFiles, listFilesInput, listFilesOutput } from '@/server/services/pods/streams/list-files'
import { streamTicket } from '@/server/services/pods/streams/locate-pod'
import { openCopy, openCopyInput } from '@/server/services/pods/streams/open-copy'
import { openInBrowserOutput, openPortForward, openPortInBrowser, portForwardInput } from '@/server/services/pods/streams/open-port-forward'
import { openAttach, openAttachInput, openTerminal, openTerminalInput } from '@/server/services/pods/streams/open-terminal'
import { followLogs, followLogsInput, logLine, logsInput, logsOutput, readLogs } from '@/server/services/pods/streams/read-logs'
import { runInPod, runInput, runOutput } from '@/server/services/pods/streams/run-in-pod'
import { discarded, discardPodSuccessor, getSuccessor, recreatePod, recreatePodInput, recreatePodOutput, successorView } from '@/server/services/pods/recreate-pod'
import { updatePod, updatePodInput } from '@/server/services/pods/update-pod'
import { watchPods, watchPodsInput, watchPodsOutput } from '@/server/services/pods/watch-pods'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { router, tenantProcedure } from '../trpc'

const deleting = z.object({ deleting: z.literal(true) })

export const podRouter = router({
  create: tenantProcedure('pod.create').input(createPodInput).output(podView).mutation(({ ctx, input }) => createPod(ctx, ctx.scope, input)),
  list: tenantProcedure('pod.read').input(listPodsInput).output(listPodsOutput).query(({ ctx, input }) => listPods(ctx, ctx.scope, input)),
  get: tenantProcedure('pod.read').input(podReference).output(podView).query(({ ctx, input }) => getPod(ctx, ctx.scope, input)),
  update: tenantProcedure('pod.create').input(updatePodInput).output(podView).mutation(({ ctx, input }) => updatePod(ctx, ctx.scope, input)),
  delete: tenantProcedure('pod.delete').input(deletePodInput).output(deleting).mutation(({ ctx, input }) => deletePod(ctx, ctx.scope, input)),
  deleteMany: tenantProcedure('pod.delete').input(deleteManyInput).output(deleteManyOutput).mutation(({ ctx, input }) => deleteManyPods(ctx, ctx.scope, input)),
  recreate: tenantProcedure('pod.create').input(recreatePodInput).output(recreatePodOutput).mutation(({ ctx, input }) => recreatePod(ctx, ctx.scope, input)),
  successor: tenantProcedure('pod.read').input(podReference).output(successorView).query(({ ctx, input }) => getSuccessor(ctx, ctx.scope, input)),
  discardSuccessor: tenantProcedure('pod.create').input(podReference).output(discarded).mutation(({ ctx, input }) => discardPodSuccessor(ctx, ctx.scope, input)),
  run: tenantProcedure('pod.exec').input(runInput).output(runOutput).mutation(({ ctx, input }) => runInPod(ctx, ctx.scope, input)),
  logs: tenantProcedure('pod.logs').input(logsInput).output(logsOutput).query(({ ctx, input }) => readLogs(ctx, ctx.scope, input)),
  listFiles: tenantProcedure('pod.exec').input(listFilesInput).output(listFilesOutput).query(({ ctx, input }) => listFiles(ctx, ctx.scope, input)),
  openAttach: tenantProcedure('pod.exec').input(openAttachInput).output(streamTicket).mutation(({ ctx, input }) => openAttach(ctx, ctx.scope, input)),
  openCopy: tenantProcedure('pod.exec').input(openCopyInput).output(streamTicket).mutation(({ ctx, input }) => openCopy(ctx, ctx.scope, input)),
  openPortForward: tenantProcedure('pod.exec').input(portForwardInput).output(streamTicket).mutation(({ ctx, input }) => openPortForward(ctx, ctx.scope, input)),
  openPortInBrowser: tenantProcedure('pod.exec').input(portForwardInput).output(openInBrowserOutput).mutation(({ ctx, input }) => openPortInBrowser(ctx, ctx.scope, input)),
  openTerminal: tenantProcedure('pod.exec').input(openTerminalInput).output(streamTicket).mutation(({ ctx, input }) => openTerminal(ctx, ctx.scope, input)),
  watch: tenantProcedure('pod.read').input(watchPodsInput).output(trackedEvents(watchPodsOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchPods(ctx, ctx.scope, input, live(signal)))),
  followLogs: tenantProcedure('pod.logs').input(followLogsInput).output(trackedEvents(logLine)).subscription(async function* ({ ctx, input, signal }) {
    for await (const line of followLogs(ctx, ctx.scope, input, live(signal))) yield tracked(line.time, line)
  }),
})
