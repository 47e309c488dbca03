import { PodYaml } from '@/components/pods/pod-yaml'

export default function Page() {
  return <PodYaml />
}
