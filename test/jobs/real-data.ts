import { fileURLToPath } from 'node:url'

/** Real input lies beside the project, if it is there at all. */
const folder = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** 10,000 lines of a web server's access log. */
export const REAL_ACCESS_LOG: string = `${folder}access.log`

/** A year of a wind turbine's ten-minute readings, as CSV. */
export const REAL_TURBINE_CSV: string = `${folder}turbine-scada.csv`
