"""The commonest words of each topic in other languages than English, so that their films show what they speak of.

First German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish, Turkish and Indonesian, then Russian, Arabic, Hindi,
Chinese, Japanese and Korean, whose words are found anywhere in a text: many are written without blanks, or change their ends. No
word has another meaning in English, or is one of the commonest of another language.
"""

WORDS: dict[str, str] = {
    "landscape": (
        "berge gebirge gipfel wüste fluss landschaft montagne vallée rivière désert paysage montaña río desierto "
        "valle paisaje montagna fiume deserto paesaggio montanha rio paisagem bergen rivier woestijn berget "
        "floden öken góry rzeka pustynia dağ nehir çöl gunung sungai gurun горы реки пустын جبال جبل نهر صحراء "
        "पहाड़ नदी रेगिस्तान 山脉 山峰 河流 沙漠 山の 川の 砂漠 강물 사막"
    ),
    "city": (
        "stadt städte straße straßen gebäude verkehr ville rue immeuble circulation ciudad calle edificio tráfico "
        "città strada palazzo cidade prédio trânsito stad straat gebouw byggnad miasto ulica budynek şehir sokak "
        "bina kota jalan gedung город улиц здани مدينة شارع शहर सड़क इमारत 城市 街道 建筑 都市 街の 道路 도시 거리 "
        "건물"
    ),
    "sea": (
        "meer ozean welle wellen strand küste schiff hafen insel fische gezeiten océan vague plage bateau poisson "
        "marée océano olas playa barco isla pez peces marea oceano onda spiaggia isola pesci ondas praia ilha "
        "peixe zee golven eiland vissen havet vågor öarna fiskar morze fale plaża wyspa ryby deniz dalga kumsal "
        "gemi balık ombak pantai kapal ikan океан моря море волн корабл рыба рыбы بحر محيط سمك سفينة समुद्र सागर "
        "लहर मछली 海洋 大海 海水 海浪 潮水 潮汐 海の 海は 海に 海を 波が 潮は 潮が 바다 파도 물고기"
    ),
    "sky": (
        "himmel wolke wolken sonnenaufgang hoffnung traum träume ciel nuage espoir rêve cielo nube nubes amanecer "
        "esperanza sueño sogno speranza alba céu nuvem nascer-do-sol sonho hemel droom himlen moln drömmar niebo "
        "chmury marzenia gökyüzü bulut umut langit awan mimpi небо облак мечт سماء غيوم أمل حلم आसमान बादल सपना "
        "उम्मीद 天空 云朵 梦想 希望 空の 空が 雲が 夢を 하늘 구름 꿈을"
    ),
    "weather": (
        "wetter regen sturm gewitter blitz schnee winter eis frost klima météo pluie orage tempête neige glace "
        "hiver clima lluvia tormenta nieve hielo invierno pioggia tempesta neve ghiaccio inverno chuva tempestade "
        "gelo weer onweer sneeuw ijs regnet snö vinter pogoda deszcz burza śnieg lód zima hava yağmur fırtına kış "
        "cuaca hujan badai salju погод дожд гроза снег лёд зимой مطر عاصفة ثلج طقس मौसम बारिश तूफान बर्फ 天气 下雨 "
        "暴风 下雪 天気 雨が 雨の 嵐が 雪が 雪の 날씨 폭풍 눈이"
    ),
    "space": (
        "weltraum weltall sterne planet planeten mond erde galaxie rakete espace étoile étoiles planète lune "
        "fusée espacio estrella estrellas planeta luna cohete spazio stelle pianeta razzo espaço estrelas lua "
        "foguete ruimte sterren maan rymden stjärna månen kosmos gwiazdy księżyc uzay yıldız gezegen bintang "
        "bulan космос звёзд планет луна луны فضاء نجوم كوكب قمر अंतरिक्ष तारे ग्रह चाँद 太空 宇宙 星星 月球 月亮 行星 "
        "惑星 星が 月に 月の 우주 행성"
    ),
    "plants": (
        "wald wälder baum bäume pflanze pflanzen blume blumen blatt blätter garten samen wurzel forêt arbre "
        "arbres plante fleur fleurs feuille jardin graine racine bosque árbol árboles planta flor flores hoja "
        "jardín semilla raíz foresta albero alberi pianta fiore foglia giardino semi floresta árvore folha jardim "
        "semente bomen planten bloem bladeren tuin skogen träd växter blommor drzewo drzewa kwiat liść ogród "
        "orman ağaç bitki çiçek hutan pohon bunga daun лес деревь дерево растен цвет листь сад غابة شجرة نبات "
        "زهرة जंगल पेड़ पौधे फूल 森林 树木 植物 花朵 花が 花の 木の 木が 나무 식물 꽃이 숲이"
    ),
    "animals": (
        "tier tiere hund hunde katze katzen vogel vögel pferd bär löwe biene animaux chien chats oiseau cheval "
        "abeille animales perro gato pájaro caballo abeja animali cane gatto uccello cavallo ape animais cachorro "
        "pássaro cavalo abelha dieren hond katten vogels paard djur hunden fåglar zwierzę kot ptak koń hayvan "
        "köpek kedi kuş hewan anjing kucing burung животн собак кошк птиц حيوان كلب قطة طائر जानवर कुत्ता बिल्ली पक्षी "
        "动物 小狗 猫咪 鸟类 動物 犬が 猫が 猫は 鳥が 동물 강아지 고양이"
    ),
    "technology": (
        "computer rechner handy bildschirm daten netzwerk ordinateur écran téléphone données réseau ordenador "
        "pantalla teléfono móvil datos computador schermo telefono dati tela celular dados scherm telefoon skärm "
        "telefonen ekran telefon bilgisayar komputer layar ponsel компьютер экран телефон данные حاسوب شاشة هاتف "
        "بيانات कंप्यूटर फोन डेटा 电脑 手机 屏幕 数据 コンピュータ スマホ 画面 컴퓨터 휴대폰 화면"
    ),
    "machines": (
        "maschine maschinen motoren zahnrad fabrik werkzeug roboter usine moteur outil engrenage máquina fábrica "
        "herramienta macchina fabbrica attrezzo ferramenta fabriek gereedschap maskin fabriken maszyna silnik "
        "fabryka makine fabrika mesin pabrik машин двигател завод робот آلة مصنع محرك मशीन कारखाना 机器 工厂 "
        "发动机 機械 工場 기계 공장"
    ),
    "history": (
        "geschichte jahrhundert jahrhunderte krieg kaiser könig mittelalter histoire siècle guerre empereur roi "
        "historia siglo guerra emperador rey storia secolo imperatore história século geschiedenis eeuw oorlog "
        "keizer historien århundrade krig wiek wojna cesarz tarih yüzyıl savaş sejarah abad perang истори импер "
        "войн تاريخ قرن حرب इतिहास सदी युद्ध 历史 世纪 战争 歴史 世紀 戦争 역사 세기 전쟁"
    ),
    "antiquity": (
        "antike römer griechen tempel säule antiquité romain temple templo romano griego tempio greco świątynia "
        "tapınak древн храм معبد मंदिर 寺庙 古代 神殿 寺の 고대"
    ),
    "money": (
        "geld münze münzen steuer preis sparen schulden gehalt argent monnaie impôt prix épargne dinero moneda "
        "impuesto precio ahorro ahorrar deuda sueldo soldi denaro tasse prezzo risparmio debito dinheiro moeda "
        "imposto preço poupança dívida belasting prijs pengar skatt pieniądze podatek vergi fiyat uang pajak "
        "harga деньги деньг налог цена أموال مال ضريبة पैसा पैसे टैक्स 金钱 存钱 税收 お金 税金 値段 세금 가격"
    ),
    "food": (
        "essen küche kochen brot mehl teig zucker salz suppe gemüse obst kaffee messer cuisine cuisiner farine "
        "sucre soupe légumes couteau cocina cocinar harina azúcar sopa verduras fruta cuchillo comida cucina "
        "cucinare farina zucchero zuppa verdura coltello cozinha farinha açúcar legumes faca keuken koken brood "
        "suiker groente koffie köket brödet socker kaffe kuchnia chleb cukier kawa mutfak ekmek şeker kahve dapur "
        "roti gula kopi кухн хлеб сахар кофе مطبخ خبز سكر قهوة रसोई रोटी चीनी कॉफी 厨房 面包 咖啡 做饭 料理 パン "
        "コーヒー 台所 부엌 커피 요리"
    ),
    "body": (
        "körper herz gehirn blut schlaf schlafen gesundheit knochen corps cœur cerveau sommeil dormir santé "
        "cuerpo corazón cerebro sangre salud huesos cuore cervello sangue sonno salute coração cérebro saúde "
        "lichaam hersenen slaap gezondheid kroppen hjärtat hjärnan sömn ciało serce mózg zdrowie vücut kalp beyin "
        "uyku tubuh jantung otak tidur тело сердц мозг кров здоров сон جسم قلب دماغ نوم صحة शरीर दिल दिमाग नींद "
        "身体 心脏 大脑 睡眠 心臓 体の 眠り 신체 심장 수면 건강"
    ),
    "sports": (
        "fußball laufen läufer spieler turnier courir joueur entraînement fútbol correr jugador entrenamiento "
        "calcio correre giocatore allenamento futebol jogador treino voetbal hardlopen speler fotboll löpare "
        "spelare piłka bieg zawodnik futbol koşu oyuncu sepak lari pemain футбол бег игрок كرة رياضة खेल फुटबॉल "
        "足球 跑步 运动 サッカー 走る 運動 축구 달리기 운동"
    ),
    "learning": (
        "lernen schule wissen erklären apprendre école savoir aprender escuela imparare scuola escola leren lära "
        "skolan nauka szkoła öğrenmek okul belajar sekolah учить школ تعلم مدرسة सीखना स्कूल 学习 学校 学ぶ 배우다 "
        "학교"
    ),
}
