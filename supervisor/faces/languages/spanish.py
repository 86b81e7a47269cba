"""The page's own texts in Spanish, by the English ones that templates and code name. A test finds what is missing."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    # states
    "healthy": "sano",
    "unhealthy": "con fallas",
    "escalated": "escalado",
    "restarting": "reiniciando",
    "unknown": "desconocido",
    "stopped": "detenido",
    "not observed": "no observado",
    "ok": "bien",
    "warning": "advertencia",
    "critical": "crítico",
    # the whole
    "Every agent is in time": "Todos los agentes están a tiempo",
    "No agent is watched yet": "Todavía no se vigila ningún agente",
    "The first heartbeat of 1 agent is awaited": "Se espera el primer latido de 1 agente",
    "The first heartbeat of {n} agents is awaited": "Se espera el primer latido de {n} agentes",
    "Not certain: the supervisor doubts what it sees": "Sin certeza: el supervisor duda de lo que ve",
    "1 agent needs a person": "1 agente necesita a una persona",
    "{n} agents need a person": "{n} agentes necesitan a una persona",
    "1 agent is late": "1 agente está atrasado",
    "{n} agents are late": "{n} agentes están atrasados",
    "1 incident is open": "1 incidente está abierto",
    "{n} incidents are open": "{n} incidentes están abiertos",
    "Agents by state": "Agentes por estado",
    "Made {made}": "Hecha a las {made}",
    "Made {made}, next due {due}": "Hecha a las {made}; la próxima, a las {due}",
    "{span} ago": "hace {span}",
    "in {span}": "en {span}",
    "and {n} more": "y {n} más",
    "<strong>This page is out of date.</strong> It was made at {clock}, longer ago than it should be. "
    "Load it again; if the time above stays the same, the supervisor does not run.": (
        "<strong>Esta página está desactualizada.</strong> Se hizo a las {clock}, hace más de lo debido. "
        "Cárguela de nuevo; si la hora de arriba no cambia, el supervisor no está en marcha."
    ),
    "<strong>Decisions wait.</strong> The supervisor doubts what it sees ({doubts}): no silence counts and nothing is "
    "restarted until every file has been read again.": (
        "<strong>Las decisiones esperan.</strong> El supervisor duda de lo que ve ({doubts}): ningún silencio cuenta y "
        "nada se reinicia hasta que se hayan leído de nuevo todos los archivos."
    ),
    "A snapshot: it has no buttons, because they could do nothing. Type the commands instead. If it is later than "
    "{clock} where you are, load this page again.": (
        "Una instantánea: no tiene botones, porque no podrían hacer nada. Escriba las órdenes. Si ya pasaron las "
        "{clock}, cargue la página de nuevo."
    ),
    "<strong>The file of this page can not be written:</strong> {error}. What lies there is older.": (
        "<strong>El archivo de esta página no se puede escribir:</strong> {error}. Lo que hay allí es más viejo."
    ),
    # incidents
    "Open incidents": "Incidentes abiertos",
    "open for {span} since {clock}": "abierto hace {span}, desde {clock}",
    "Attended": "Atención",
    "Told": "Avisados",
    "To take it": "Para atenderlo",
    "{by} looks after it": "lo atiende {by}",
    "{by} looks after it until {clock}": "lo atiende {by} hasta las {clock}",
    "nobody has acknowledged it": "nadie lo ha atendido",
    "nobody yet": "nadie todavía",
    "silenced until {clock} by {by}: {comment}": "silenciado hasta las {clock} por {by}: {comment}",
    # silences
    "Silences": "Silencios",
    "until": "hasta",
    "begins": "empieza",
    "maintenance {name}": "mantenimiento {name}",
    "for {length} from": "por {length} desde",
    "it matches nothing that is watched now": "no coincide con nada de lo que se vigila ahora",
    "1 agent": "1 agente",
    "{n} agents": "{n} agentes",
    "1 incident": "1 incidente",
    "{n} incidents": "{n} incidentes",
    "End": "Terminar",
    "The silence is over.": "El silencio terminó.",
    # the live page
    "Live: it changes by itself.": "En vivo: cambia por sí sola.",
    "No connection to the supervisor.": "Sin conexión con el supervisor.",
    "What you see is old; it comes back by itself.": "Lo que ve es viejo; vuelve por sí sola.",
    "This page needs its script to stay up to date.": "Esta página necesita su script para mantenerse al día.",
    "Refresh": "Actualizar",
    "Run health check": "Revisar ahora",
    "Every agent has been judged.": "Se revisaron todos los agentes.",
    "Reconcile": "Conciliar",
    "The books have been compared.": "Se compararon los libros.",
    "Write report": "Escribir el informe",
    "The report has been written.": "El informe está escrito.",
    "Log in to act": "Entrar para actuar",
    "Log out": "Salir",
    "Log in": "Entrar",
    "Your name, for what you do here": "Su nombre, para lo que haga aquí",
    "Token": "Clave",
    "Acknowledge": "Atender",
    "It watches unattended agents, and sent this link to whoever may look after what is wrong.": (
        "Vigila agentes desatendidos, y envió este enlace a quien pueda atender lo que anda mal."
    ),
    "Recorded as the one who looks after it, for as long as ack_timeout says: the channel that this link was sent "
    "through.": (
        "Queda registrado como quien lo atiende, por el tiempo que dice ack_timeout, el canal por el que se envió este "
        "enlace."
    ),
    "Acknowledged.": "Atendido.",
    "and {number} more": "y {number} más",
    "Silence": "Silenciar",
    "Silenced.": "Silenciado.",
    "Silenced; it matches nothing that is watched now.": (
        "Silenciado; no coincide con nada de lo que se vigila ahora."
    ),
    "Pause": "Pausar",
    "Paused.": "En pausa.",
    "No miss, no restart, no notice; what is open of it is over.": (
        "Sin faltas, sin reinicios, sin avisos; lo que tenga abierto se cierra."
    ),
    "until it is resumed": "hasta que se reanude",
    "Resume": "Reanudar",
    "{agent} is watched again.": "{agent} se vigila de nuevo.",
    "What (a pattern of agent:cause)": "Qué (un patrón de agente:causa)",
    "How long": "Cuánto tiempo",
    "Cancel": "Cancelar",
    "Restart": "Reiniciar",
    "Restart {agent}? The running copy is ended first.": (
        "¿Reiniciar {agent}? Primero se termina la copia que está en marcha."
    ),
    "Restart {attempt} has begun.": "Comenzó el reinicio {attempt}.",
    "Hold": "Retener",
    "Restarts of {agent} are held for 30 min.": "Los reinicios de {agent} quedan retenidos por 30 min.",
    "Release": "Soltar",
    "Restarts of {agent} are no longer held.": "Los reinicios de {agent} ya no están retenidos.",
    # agents
    "Agent": "Agente",
    "Agents": "Agentes",
    "Agents, worst first": "Agentes, los peores primero",
    "Agents that are well": "Agentes que están bien",
    "{n} agents are well": "{n} agentes están bien",
    "{n} more to look at": "{n} más que mirar",
    "No agent is configured. Name one in the configuration and let it touch a file in the heartbeats folder, or try": (
        "No hay ningún agente configurado. Nombre uno en la configuración y haga que toque un archivo en la carpeta de "
        "latidos, o pruebe"
    ),
    "Heartbeats of agents that nobody configured:": "Latidos de agentes que nadie configuró:",
    "Why": "Por qué",
    "Last heartbeat": "Último latido",
    "Misses": "Faltas",
    "Restarts": "Reinicios",
    "Commands": "Órdenes",
    "24 h ago": "hace 24 h",
    "now": "ahora",
    "never": "nunca",
    "next run, {grace} of grace": "próxima corrida, {grace} de gracia",
    "due by": "se espera antes de",
    "next miss": "próxima falta",
    "next restart": "próximo reinicio",
    "open incident": "incidente abierto",
    "restarts held until": "reinicios retenidos hasta",
    "restarts held by {by} until": "reinicios retenidos por {by} hasta",
    "Last 24 h: ": "Últimas 24 h: ",
    "Last 24 h: {states}": "Últimas 24 h: {states}",
    "{share} % in time": "{share} % a tiempo",
    "no data": "sin datos",
    "How to read the strips": "Cómo leer las franjas",
    "Half an hour a bar, the worst that was seen in it:": "Media hora por barra, lo peor que se vio en ella:",
    "What happened": "Qué pasó",
    # the books
    "Collections": "Cobranza",
    "unpaid": "sin pagar",
    "paid": "pagado",
    "review": "en revisión",
    "in review": "en revisión",
    "none": "ninguno",
    "1 invoice": "1 factura",
    "{n} invoices": "{n} facturas",
    "1 finding": "1 hallazgo",
    "{n} findings": "{n} hallazgos",
    "The books agree": "Los libros cuadran",
    "Not known: the books can not be seen": "No se sabe: los libros no se pueden ver",
    "Not known: the books have not been compared yet": "No se sabe: los libros aún no se han comparado",
    "{findings}, and {soft} that may be agents at work": "{findings}, y {soft} que pueden ser agentes trabajando",
    "{findings}, perhaps agents at work": "{findings}, quizás agentes trabajando",
    ", perhaps agents at work": ", quizás agentes trabajando",
    ", left by {agent}": ", dejado por {agent}",
    "for {span}": "desde hace {span}",
    "Expected": "Esperado",
    "Found": "Encontrado",
    "In": "En",
    "change in 24 h: no data": "cambio en 24 h: sin datos",
    "in 24 h": "en 24 h",
    "since {clock}": "desde {clock}",
    "no change {since}": "sin cambio {since}",
    "The last 24 hours": "Las últimas 24 horas",
    "E-mails sent": "Correos enviados",
    "Payments detected": "Pagos detectados",
    "Errors": "Errores",
    "Payment latency": "Demora del pago",
    "Collected": "Recaudado",
    "nothing": "nada",
    "on average of 1 payment": "en promedio de 1 pago",
    "on average of {n} payments": "en promedio de {n} pagos",
    "half within {p50}, 90 % within {p90}, 99 % within {p99}": (
        "la mitad en {p50} o menos, el 90 % en {p90}, el 99 % en {p99}"
    ),
    "Money by day": "Dinero por día",
    "Money by day, {currency}": "Dinero por día, {currency}",
    "No data yet: a chart needs two days in the journal.": (
        "Sin datos todavía: una gráfica necesita dos días en el diario."
    ),
    "{currency} from {first} to {last}: {told}": "{currency} del {first} al {last}: {told}",
    "{status} from {first} to {last}": "{status} de {first} a {last}",
    "{currency} as a table": "{currency} como tabla",
    "and {n} more without a chart": "y {n} más sin gráfica",
    "Day": "Día",
    "Queues": "Colas",
    "{n} waiting": "{n} en espera",
    ", the oldest for {span}": ", el más antiguo desde hace {span}",
}
