import type { StartContainerParams } from '@/contracts/guest/v1/requests'
import type { ContainerSpec, PodSpec } from '@/domain/pod/spec'
import { StepError } from '../ports'

type ProcessSecurity = Pick<StartContainerParams, 'user' | 'runAsUser' | 'runAsGroup' | 'supplementalGroups' | 'readOnlyRoot' | 'noNewPrivileges' | 'capabilities' | 'privileged' | 'seccomp'>

/**
 * As whom and with what rights a container runs: what it says itself goes before what the pod says. Throws
 * {@link StepError} `CreateContainerConfigError` where runAsNonRoot forbids the user, as the kubelet does.
 */
export function processSecurity(pod: PodSpec, container: ContainerSpec, imageUser: string): ProcessSecurity {
  const own = container.securityContext
  const shared = pod.securityContext
  const runAsUser = own?.runAsUser ?? shared?.runAsUser ?? null
  if (own?.runAsNonRoot ?? shared?.runAsNonRoot) checkNotRoot(container, runAsUser, imageUser)
  const privileged = own?.privileged ?? false
  const seccomp = (own?.seccompProfile ?? shared?.seccompProfile)?.type
  const groups = [...(shared?.fsGroup === undefined ? [] : [shared.fsGroup]), ...(shared?.supplementalGroups ?? [])]
  return {
    user: imageUser,
    runAsUser,
    runAsGroup: own?.runAsGroup ?? shared?.runAsGroup ?? null,
    supplementalGroups: [...new Set(groups)],
    readOnlyRoot: own?.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own?.allowPrivilegeEscalation === false && !privileged,
    ...(own?.capabilities ? { capabilities: own.capabilities } : {}),
    ...(privileged ? { privileged } : {}),
    ...(seccomp === 'RuntimeDefault' && !privileged ? { seccomp: 'default' as const } : {}),
  }
}

/** Source: kubernetes pkg/kubelet/kuberuntime/security_context.go, verifyRunAsNonRoot. */
function checkNotRoot({ name, image }: ContainerSpec, runAsUser: number | null, imageUser: string): void {
  const refuse = (message: string) => {
    throw new StepError('CreateContainerConfigError', message)
  }
  if (runAsUser === 0) refuse(`Container "${name}" has runAsNonRoot and runAsUser 0, which is root. Set another runAsUser, or remove runAsNonRoot.`)
  if (runAsUser !== null) return
  const user = imageUser.split(':')[0] ?? ''
  if (user === '' || user === 'root' || /^0+$/.test(user)) refuse(`Container "${name}" has runAsNonRoot, and the image ${image} runs as root. Set securityContext.runAsUser, or remove runAsNonRoot.`)
  if (!/^\d+$/.test(user)) refuse(`Container "${name}" has runAsNonRoot, and the image ${image} names its user "${user.slice(0, 64)}" by name, so that it cannot be told whether it is root. Set securityContext.runAsUser.`)
}
