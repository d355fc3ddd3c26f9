import windTurbine from '../../../jobs/windTurbine.js'
import { everywhere } from './everywhere.js'

export default everywhere(windTurbine, 'alerts')
