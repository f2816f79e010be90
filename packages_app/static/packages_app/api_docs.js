// The API's routes as a page. Nothing is remembered: a token that is typed is gone with the page.
"use strict";
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({ dom_id: "#swagger-ui", url: place.dataset.document, deepLinking: true, validatorUrl: null });
