import { ServiceYaml } from '@/components/services/service-yaml'

export default function Page() {
  return <ServiceYaml />
}
